"""A row for each claim of each paper and each scale at which it is tested."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from common.ledger.claims import Claim
from common.ledger.evaluate import Result
from common.ledger.report.badge import badge
from common.ledger.report.findings import in_short, sort_value
from common.ledger.report.markup import Markup, element, join
from common.ledger.report.strip import outcomes
from common.ledger.report.table import Cell, Column, Row, table
from common.ledger.report.words import SCALES, ordered
from common.ledger.update import PaperLedger
from common.ledger.verdicts import VERDICTS

_COLUMNS = (
    Column("claim", "Claim"),
    Column("paper", "Paper"),
    Column("kind", "Kind"),
    Column("statement", "Statement"),
    Column("published", "Published"),
    Column("here", "Here"),
    Column("verdict", "Verdict"),
    Column("scale", "Scale"),
)


def claims_table(ledgers: Iterable[PaperLedger]) -> Markup:
    """All of them; a script filters."""
    rows = [row for ledger in ledgers for row in _rows(ledger)]
    return table("claims", "Claims of all papers", _COLUMNS, rows)


def _rows(ledger: PaperLedger) -> Iterator[Row]:
    found = outcomes(ledger)
    for claim in ledger.plan.claims:
        results = found[claim.id]
        for scale in ordered(results):
            result = results[scale]
            yield Row(
                _cells(ledger, claim, _measured(result)),
                {"data_verdict": result.verdict, "data_scale": scale},
            )
        if not results:
            yield Row(_cells(ledger, claim, _elsewhere(ledger, claim)), {})


def _cells(ledger: PaperLedger, claim: Claim, measured: tuple[Cell, Cell, Cell]) -> list[Cell]:
    paper = ledger.plan.paper
    figures = [one.value for one in claim.reported]
    single = figures[0] if len(figures) == 1 and isinstance(figures[0], float | int) else None
    return [
        Cell(element("a", claim.id, href=f"{paper}.html#{claim.id}")),
        Cell(element("a", paper, href=f"{paper}.html")),
        Cell(claim.kind),
        Cell([claim.statement, " ", element("span", f"({claim.source})", class_="source")]),
        Cell(claim.figures, single),
        *measured,
    ]


def _measured(result: Result) -> tuple[Cell, Cell, Cell]:
    return (
        Cell(in_short(result), sort_value(result)),
        Cell(badge(result.verdict), VERDICTS.index(result.verdict)),
        Cell(result.scale, SCALES.index(result.scale)),
    )


def _elsewhere(ledger: PaperLedger, claim: Claim) -> tuple[Cell, Cell, Cell]:
    links = [
        element("a", other, href=f"{ledger.plan.paper}.html#{other}") for other in claim.measured_by
    ]
    listed = join([links[0], *([", ", link] for link in links[1:])])
    return Cell("–"), Cell(["measured by ", listed], len(VERDICTS)), Cell("–", len(SCALES))
