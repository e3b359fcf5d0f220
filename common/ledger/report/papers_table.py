"""A row a paper."""

from __future__ import annotations

from collections.abc import Iterable

from common.ledger.report.markup import Markup, element
from common.ledger.report.strip import strip
from common.ledger.report.table import Cell, Column, Row, table
from common.ledger.report.words import SCALE, cost, newest_commit, seconds
from common.ledger.update import PaperLedger
from common.ledger.verdicts import VERDICTS, tally

_COLUMNS = (
    Column("paper", "Paper"),
    Column("title", "Title"),
    *(Column(v.replace(" ", "-"), v.capitalize(), numeric=True) for v in VERDICTS),
    Column("cost", "Cost", numeric=True),
    Column("commit", "Newest commit"),
)


def papers_table(ledgers: Iterable[PaperLedger]) -> Markup:
    """Titles, verdicts counted and one by one, cost and commit."""
    caption = f"Papers, with their verdicts at {SCALE} scale"
    return table("papers", caption, _COLUMNS, [_row(ledger) for ledger in ledgers])


def _row(ledger: PaperLedger) -> Row:
    paper = ledger.plan.paper
    counts = tally(r.verdict for r in ledger.results.get(SCALE, []))
    file = f"{paper}.html"
    commit = newest_commit(ledger)
    return Row(
        (
            Cell(element("a", paper, href=file)),
            Cell([element("span", ledger.plan.title, class_="title"), strip(ledger, file)]),
            *(Cell(counts[verdict], counts[verdict]) for verdict in VERDICTS),
            Cell(cost(ledger), seconds(ledger)),
            Cell(element("code", commit) if commit else "–"),
        ),
        {},
    )
