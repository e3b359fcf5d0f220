"""``ledger status``: verdicts counted, paper by paper, and what is open.

Apart from the other commands, because it has to answer at once however many papers there are: it
imports nothing that reads claims unless one has to be judged.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from common.ledger.arguments import known_scale
from common.ledger.folders import Folders
from common.ledger.standing import Standing, standing
from common.ledger.verdicts import VERDICTS
from common.ledger.wording import coloured, duration, print_json


def status(options: argparse.Namespace, folders: Folders) -> int:
    """Print it; 1 if a claim fails or is stale, or a figure is not what was recorded."""
    known_scale(options.scale)
    papers = folders.chosen(options.paper)
    standings = [standing(paper, options.scale, folders) for paper in papers]
    if options.json:
        print_json(status_json(standings))
    else:
        show_status(Console(), standings)
    return 0 if all(paper.in_order for paper in standings) else 1


def show_status(console: Console, standings: Sequence[Standing]) -> None:
    """A line a paper, then a line for each claim that does not hold."""
    table = Table(header_style="bold", box=SIMPLE_HEAD)
    table.add_column("paper", no_wrap=True)
    for verdict in VERDICTS:
        table.add_column(coloured(verdict), justify="right")
    table.add_column("runs", justify="right")
    table.add_column("cost", justify="right")
    for paper in standings:
        table.add_row(
            paper.paper,
            *(str(n) if n else "[dim]0[/]" for n in paper.counts.values()),
            str(paper.runs),
            duration(paper.seconds),
        )
    console.print(table)
    # One call: rich takes a millisecond for each.
    lines = (line for paper in standings for line in _open(paper))
    console.print("\n".join(lines), highlight=False, soft_wrap=True)


def _open(paper: Standing) -> Iterator[str]:
    for claim, why in paper.why.items():
        yield f"  {paper.paper} {claim} {coloured(paper.verdicts[claim])}: {escape(why)}"
    yield from (f"  not as recorded: {escape(sentence)}" for sentence in paper.altered)
    for sentence in paper.warnings[:1]:
        more = len(paper.warnings) - 1
        yield f"  {escape(sentence)}{f' ({more} more)' if more else ''}"


def status_json(standings: Iterable[Standing]) -> dict[str, Any]:
    """The same, for programs."""
    return {
        paper.paper: {
            "counts": paper.counts,
            "verdicts": paper.verdicts,
            "why": paper.why,
            "runs": paper.runs,
            "seconds": round(paper.seconds, 1),
            "altered": list(paper.altered),
            "warnings": list(paper.warnings),
        }
        for paper in standings
    }
