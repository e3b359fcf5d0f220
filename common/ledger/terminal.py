"""The ledger on a terminal and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from common.ledger.evaluate import Result, tally
from common.ledger.relations import Finding
from common.ledger.update import PaperLedger
from common.ledger.verdicts import FAILS, HOLDS, NOT_RUN, STALE, UNRESOLVED, VERDICTS

COLOURS = {
    HOLDS: "green",
    FAILS: "red",
    UNRESOLVED: "yellow",
    NOT_RUN: "bright_black",
    STALE: "magenta",
}
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
    counts = ", ".join(f"{n} {verdict}" for verdict, n in tally(results).items() if n)
    _line(console, f"{paper} at scale {scale}: {counts or 'no claims'}")


def show_status(console: Console, ledgers: Sequence[PaperLedger], scale: str) -> None:
    """A line a paper, then a line for each claim that does not hold."""
    table = Table(header_style="bold", box=SIMPLE_HEAD)
    table.add_column("paper", no_wrap=True)
    for verdict in VERDICTS:
        table.add_column(coloured(verdict), justify="right")
    table.add_column("runs", justify="right")
    table.add_column("cost", justify="right")
    for ledger in ledgers:
        results = ledger.results.get(scale, [])
        rows = [row for row in ledger.rows if row.scale == scale]
        counts = tally(results)
        table.add_row(
            ledger.plan.paper,
            *(str(counts[v]) if counts[v] else "[dim]0[/]" for v in VERDICTS),
            str(len(rows)),
            duration(sum(row.seconds for row in rows)),
        )
    console.print(table)
    # One call: rich takes a millisecond for each.
    console.print("\n".join(_open(ledgers, scale)), highlight=False, soft_wrap=True)


def _open(ledgers: Iterable[PaperLedger], scale: str) -> Iterator[str]:
    for ledger in ledgers:
        paper = ledger.plan.paper
        for result in ledger.results.get(scale, []):
            if result.verdict != HOLDS:
                why = (*result.changed, *result.missing)[:1] or (result.claim.statement,)
                verdict = coloured(result.verdict)
                yield f"  {paper} {result.claim.id} {verdict}: {escape(why[0])}"
        yield from (f"  not as recorded: {escape(sentence)}" for sentence in ledger.altered)


def status_json(ledgers: Iterable[PaperLedger], scale: str) -> dict[str, Any]:
    """The same, for programs."""
    return {
        ledger.plan.paper: {
            "counts": tally(ledger.results.get(scale, [])),
            "verdicts": {r.claim.id: r.verdict for r in ledger.results.get(scale, [])},
            "runs": sum(row.scale == scale for row in ledger.rows),
            "seconds": round(sum(row.seconds for row in ledger.rows if row.scale == scale), 1),
            "altered": list(ledger.altered),
        }
        for ledger in ledgers
    }


def duration(seconds: float) -> str:
    """Seconds as a person would say them."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def evidence(result: Result) -> str:
    """Where the figures come from: scale, seeds, data, commits, cost."""
    found = result.evidence
    if not found.rows:
        return result.scale
    seeds = len({row.seed for row in found.rows})
    return (
        f"{result.scale}, {seeds} seed{'s'[: seeds != 1]} · paper's data: {found.paper_data} · "
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


def listed(names: Sequence[str], most: int = 5) -> str:
    """The first few names, and how many there are beside them."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


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


def coloured(verdict: str) -> str:
    """A verdict in its colour, for rich."""
    return f"[{COLOURS[verdict]}]{verdict}[/]" if verdict in COLOURS else verdict
