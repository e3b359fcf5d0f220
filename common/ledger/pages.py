"""The ledger as Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from common.experiment import registry
from common.ledger.evaluate import Result
from common.ledger.intervals import of_mean
from common.ledger.relations import Finding, figure, shown
from common.ledger.runs import RunRow
from common.ledger.tables import markdown
from common.ledger.terminal import budget, evidence, explanation, run_command
from common.ledger.update import PaperLedger
from common.ledger.verdicts import HOLDS, VERDICTS, tally
from common.ledger.versions import by_variant

SCALE = "laptop"


def claims_table(ledger: PaperLedger, scale: str = SCALE) -> str:
    """Claim by claim: published, here, verdict, command; then what explains the open ones."""
    results = ledger.results.get(scale, [])
    head = ("claim", "statement", "published", "here", "verdict", "evidence", "command")
    rows = [
        (
            result.claim.id + ("" if result.claim.kind == "claim" else f" ({result.claim.kind})"),
            f"{result.claim.statement} ({result.claim.source})",
            result.claim.figures,
            _here(result),
            f"**{result.verdict}**",
            "<br>".join(part for part in (evidence(result), budget(result)) if part),
            f"`{run_command(ledger.plan.paper, result.claim.id, scale)}`",
        )
        for result in results
    ]
    notes = [
        f"- **{result.claim.id}** {result.verdict}: {' '.join(_sentence(e) for e in lines)}"
        for result in results
        if result.verdict != HOLDS and (lines := explanation(result))
    ]
    return "\n\n".join(part for part in (markdown(head, rows), "\n".join(notes)) if part)


def task_table(rows: Iterable[RunRow], scale: str = SCALE) -> str:
    """Every task's own figure, whether a claim reads it or not."""
    head = (
        "task",
        "variant",
        f"here ({scale} scale), 95 % interval (seeds)",
        "published",
        "chance",
        "baselines",
        "paper's data",
    )
    return markdown(
        head,
        [
            _task_row(task, variant, runs)
            for (task, variant, of), runs in by_variant(rows).items()
            if of == scale
        ],
    )


def paper_page(ledger: PaperLedger, scale: str = SCALE) -> str:
    """What stands in a paper's README."""
    tasks = task_table(ledger.rows, scale)
    return f"{claims_table(ledger, scale)}\n\n{tasks}"


def papers_table(ledgers: Iterable[PaperLedger], scale: str = SCALE) -> str:
    """What stands in the root README."""
    rows = []
    for ledger in ledgers:
        paper = ledger.plan.paper
        counts = tally(r.verdict for r in ledger.results.get(scale, []))
        rows.append(
            (
                f"[{paper}](papers/{paper}/README.md)",
                ledger.plan.title,
                ", ".join(f"`{task}`" for task in registry.tasks(paper)),
                *(str(counts[verdict]) for verdict in VERDICTS),
            )
        )
    return markdown(("paper", "title", "tasks", *VERDICTS), rows)


def results_page(ledgers: Sequence[PaperLedger], scale: str = SCALE) -> str:
    """``results/README.md``."""
    rows = []
    for ledger in ledgers:
        counts = tally(r.verdict for r in ledger.results.get(scale, []))
        paper = ledger.plan.paper
        rows.append((f"[{paper}](#{paper})", *(str(counts[v]) for v in VERDICTS)))
    parts = [
        "# Results",
        "Written by `python -m common.ledger check`; do not edit. Here: claims at scale "
        f"{scale}. `runs/<paper>.json` holds every run with its commit, source digests, data and "
        "cost; made from it, `<paper>.csv` every figure, `<paper>.json` means over seeds and "
        "verdicts, `curves/<paper>.csv` what was followed through the epochs. A row is `stale` "
        "when configuration, code or data that its runs depend on have changed since.",
        markdown(("paper", *VERDICTS), rows),
    ]
    for ledger in ledgers:
        parts += [
            f"## {ledger.plan.paper}",
            f"{ledger.plan.title} ([README](../papers/{ledger.plan.paper}/README.md))",
            claims_table(ledger, scale),
        ]
    return "\n\n".join(parts) + "\n"


def _task_row(task: str, variant: str, runs: Sequence[RunRow]) -> tuple[str, ...]:
    first = runs[-1]
    values = [r.metrics[r.headline] for r in runs if r.headline in r.metrics]
    if not values:
        here = "not trained"
    elif len(values) == 1:
        here = f"{figure(values[0])} (1)"
    else:
        here = f"{shown(of_mean(values))} ({len(values)})"
    named = "" if first.headline == "accuracy" else f"{first.headline} "
    baselines = ", ".join(
        f"{name.removeprefix('baseline_').replace('_', ' ')} {figure(value)}"
        for name, value in sorted(first.metrics.items())
        if name.startswith("baseline_")
    )
    return (
        task,
        variant,
        named + here,
        _or_dash(first.published),
        _or_dash(first.chance),
        baselines or "-",
        first.paper_data or "-",
    )


def _here(result: Result) -> str:
    findings = [f for f in (*result.finding.leaves(), *result.report) if f.measured]
    if len(findings) == 1:
        return f"{findings[0].measured} ({findings[0].bound})"
    return "<br>".join(_shown(f) for f in findings) or "-"


def _shown(finding: Finding) -> str:
    return f"{finding.name}: {finding.measured}" + (f" ({finding.bound})" if finding.bound else "")


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _or_dash(value: float | None) -> str:
    return "-" if value is None else figure(value)
