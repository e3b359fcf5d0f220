"""The ledger on a terminal and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from common.ledger.evaluate import Result, tally
from common.ledger.relations import Finding
from common.ledger.update import PaperLedger
from common.ledger.verdicts import FAILS, HOLDS, NOT_RUN, STALE, UNRESOLVED

COLOURS = {
    HOLDS: "green",
    FAILS: "red",
    UNRESOLVED: "yellow",
    NOT_RUN: "bright_black",
    STALE: "magenta",
}
NARROW = 130  # columns
Line = tuple[str, str, str, str, str, str, str, str]  # the cells of the wide table
NO_NOTE = "no explanation yet: add a note to the claim"


def run_command(paper: str, claim: str, scale: str = "laptop") -> str:
    """What brings a claim's runs up to date."""
    where = "" if scale == "laptop" else f" --scale {scale}"
    return f"python -m common.ledger run {paper} --claim {claim}{where}"


def show(console: Console, ledger: PaperLedger, scale: str) -> None:
    """The claims, under each what was compared; then why those that do not hold do not."""
    results = ledger.results.get(scale, [])
    paper = ledger.plan.paper
    console.print(_table(ledger, scale, narrow=console.width < NARROW))
    for result in results:
        for line in explanation(result):
            _line(console, f"{result.claim.id} {result.verdict}: {line}")
    for warning in ledger.warnings:
        _line(console, warning)
    counts = ", ".join(f"{n} {verdict}" for verdict, n in tally(results).items() if n)
    _line(console, f"{paper} at scale {scale}: {counts or 'no claims'}")
    if console.width < NARROW and results:
        _line(console, f"to run what one lacks: {run_command(paper, '<claim>', scale)}")


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
    if not narrow:
        table.add_column("command", ratio=2, style="dim", overflow="fold")
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
        escape(str(claim.reported)),
        escape(single.measured),
        escape(single.bound),
        single.seeds,
        _coloured(result.verdict),
        escape(run_command(paper, claim.id, result.scale)),
    )
    reported = [finding for finding in result.report if finding.measured]
    return [head] + [
        (
            "",
            f"  {escape(finding.name)}",
            "",
            escape(finding.measured),
            escape(finding.bound),
            finding.seeds,
            _coloured(finding.verdict),
            "",
        )
        for finding in [*(leaves if len(leaves) > 1 else []), *reported]
    ]


def _folded(line: Line) -> tuple[str, ...]:
    claim, statement, published, here, bound, seeds, verdict, _ = line
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
        lines.append("the configuration has changed since: run it again")
    if result.verdict in (FAILS, UNRESOLVED):
        lines.append(result.claim.note or NO_NOTE)
    return lines


def as_json(ledger: PaperLedger, scale: str) -> dict[str, Any]:
    """The same, for programs."""
    return {
        result.claim.id: {
            "kind": result.claim.kind,
            "statement": result.claim.statement,
            "source": result.claim.source,
            "reported": asdict(result.claim.reported),
            "verdict": result.verdict,
            "compared": [_plain(f) for f in result.finding.leaves()],
            "report": [_plain(f) for f in result.report],
            "missing": list(result.missing),
            "note": result.claim.note,
            "command": run_command(ledger.plan.paper, result.claim.id, scale),
        }
        for result in ledger.results.get(scale, [])
    }


def _plain(finding: Finding) -> dict[str, Any]:
    content = asdict(finding)
    del content["parts"]
    return content


def _coloured(verdict: str) -> str:
    return f"[{COLOURS[verdict]}]{verdict}[/]" if verdict in COLOURS else verdict
