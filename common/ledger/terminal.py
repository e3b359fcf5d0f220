"""The ledger on a terminal and as JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from common.ledger.evaluate import Result
from common.ledger.relations import Finding
from common.ledger.update import PaperLedger
from common.ledger.verdicts import FAILS, STALE, UNRESOLVED
from common.ledger.wording import coloured, counted, duration, listed

NARROW = 130  # columns
Line = tuple[str, str, str, str, str, str, str]  # the cells of the wide table
NO_NOTE = "no explanation yet: add a note to the claim"


def run_command(paper: str, claim: str, scale: str = "laptop") -> str:
    """What brings a claim's runs up to date."""
    where = "" if scale == "laptop" else f" --scale {scale}"
    return f"python -m common.ledger run {paper} --claim {claim}{where}"


def show(console: Console, ledger: PaperLedger, scale: str) -> None:
    """The claims, under each what was compared and where its figures come from; then why those
    that do not hold do not."""
    results = ledger.results.get(scale, [])
    paper = ledger.plan.paper
    console.print(_table(ledger, scale, narrow=console.width < NARROW))
    for result in results:
        for line in explanation(result):
            _line(console, f"{result.claim.id} {result.verdict}: {line}")
    counts = counted(r.verdict for r in results)
    _line(console, f"{paper} at scale {scale}: {counts or 'no claims'}")


def evidence(result: Result) -> str:
    """Where the figures come from: scale, seeds, data, commits, cost."""
    found = result.evidence
    if not found.rows:
        return result.scale
    of_variant = Counter((row.task, row.variant) for row in found.rows)
    counts = sorted(set(of_variant.values()))
    seeds = "-".join(str(n) for n in (counts[0], counts[-1])[: len(counts)])
    seeds = f"{seeds} seed{'s'[: counts[-1] != 1]}"
    return (
        f"{result.scale}, {seeds} · paper's data: {found.paper_data} · "
        f"commit {', '.join(c[:8] + '+' * c.endswith('+') for c in found.commits)} · "
        f"{len(found.rows)} run{'s'[: len(found.rows) != 1]}, {duration(found.seconds)}"
    )


def budget(result: Result) -> str:
    """What compared variants have in equal measure."""
    equal = f"equal {', '.join(result.check.equal)}" if result.check.equal else ""
    return "; ".join(text for text in (equal, result.check.budget) if text)


def _table(ledger: PaperLedger, scale: str, narrow: bool) -> Table:
    """All columns; on a narrow terminal what was published and asked for joins the statement."""
    table = Table(
        title=f"{ledger.plan.paper} · {scale}",
        title_justify="left",
        header_style="bold",
        box=SIMPLE_HEAD,
    )
    table.add_column("claim", no_wrap=True)
    table.add_column("statement", ratio=3, overflow="fold")
    if not narrow:
        table.add_column("published", ratio=1)
    table.add_column("here", ratio=2, overflow="fold")
    if not narrow:
        table.add_column("bound", ratio=2, overflow="fold")
    table.add_column("n", justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for result in ledger.results.get(scale, []):
        for line in _lines(ledger.plan.paper, result):
            table.add_row(*(_folded(line) if narrow else line))
        table.add_section()
    return table


def _lines(paper: str, result: Result) -> list[Line]:
    claim = result.claim
    leaves = result.finding.leaves()
    single = leaves[0] if len(leaves) == 1 else Finding("", "")
    head = (
        f"[bold]{escape(claim.id)}[/]",
        escape(claim.statement),
        escape(claim.figures),
        escape(single.measured),
        escape(single.bound),
        single.seeds,
        coloured(result.verdict),
    )
    reported = [finding for finding in result.report if finding.measured]
    compared = [
        (
            "",
            f"  {escape(finding.name)}",
            "",
            escape(finding.measured),
            escape(finding.bound),
            finding.seeds,
            coloured(finding.verdict),
        )
        for finding in [*(leaves if len(leaves) > 1 else []), *reported]
    ]
    below = [evidence(result), *([budget(result)] if budget(result) else [])]
    below.append(run_command(paper, claim.id, result.scale))
    text = "\n".join(escape(part) for part in below)
    return [head, *compared, ("", f"[dim]{text}[/]", "", "", "", "", "")]


def _folded(line: Line) -> tuple[str, ...]:
    claim, statement, published, here, bound, seeds, verdict = line
    under = [f"published: {published}"] if published else []
    under += [bound] if bound else []
    details = f" [dim]({'; '.join(under)})[/]" if under else ""
    return claim, f"{statement}{details}", here, seeds, verdict


def _line(console: Console, text: str) -> None:
    console.print(f"  {text}", markup=False, highlight=False, soft_wrap=True)


def explanation(result: Result) -> list[str]:
    """What to know of a verdict that is not ``holds``."""
    lines = []
    if result.missing:
        lines.append(f"missing: {'; '.join(result.missing)}")
    if result.verdict == STALE:
        lines.append(f"changed since: {listed(result.changed)}; run it again")
    if result.verdict in (FAILS, UNRESOLVED):
        lines.append(result.claim.note or NO_NOTE)
    return lines


def as_json(ledger: PaperLedger, scale: str) -> dict[str, Any]:
    """The same, for programs."""
    return {r.claim.id: result_json(ledger.plan.paper, r) for r in ledger.results.get(scale, [])}


def result_json(paper: str, result: Result) -> dict[str, Any]:
    """A claim with its verdict and all that it rests on."""
    claim, found = result.claim, result.evidence
    return {
        "kind": claim.kind,
        "statement": claim.statement,
        "source": claim.source,
        "reported": [one.model_dump() for one in claim.reported],
        "scale": result.scale,
        "verdict": result.verdict,
        "compared": [_plain(f) for f in result.finding.leaves()],
        "report": [_plain(f) for f in result.report],
        "budget": budget(result),
        "missing": list(result.missing),
        "changed": list(result.changed),
        "note": claim.note,
        "command": run_command(paper, claim.id, result.scale),
        "data_is_paper_data": {"yes": True, "no": False}.get(found.paper_data),
        "commits": list(found.commits),
        "runs": len(found.rows),
        "seconds": round(found.seconds, 1),
        "hardware": list(found.hardware),
    }


def _plain(finding: Finding) -> dict[str, Any]:
    content = asdict(finding)
    del content["parts"]
    return content
