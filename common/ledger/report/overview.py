"""The first page: all papers, all claims."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from common.ledger.folders import Folders
from common.ledger.report.badge import badge, css_class, shape
from common.ledger.report.claims_table import claims_table
from common.ledger.report.controls import controls
from common.ledger.report.frame import page
from common.ledger.report.markup import Markup, element
from common.ledger.report.notices import notices
from common.ledger.report.papers_table import papers_table
from common.ledger.report.table import scrolling
from common.ledger.report.words import MEANINGS, SCALE, ordered, plural
from common.ledger.update import PaperLedger
from common.ledger.verdicts import VERDICTS, tally

_ABOUT = (
    "Each claim of each paper is a row: the figure that was published, the figure measured here, "
    "the inequality fixed before the run, and the verdict that follows from the two. "
    "What fails is shown as failing, with its reason."
)


def overview_page(ledgers: Sequence[PaperLedger], folders: Folders) -> str:
    """Totals, papers, claims, and what the verdicts mean."""
    scales = ordered(scale for ledger in ledgers for scale in ledger.results)
    return page(
        "Papers and claims",
        element("h1", "What papers say, and what holds here"),
        element("p", _ABOUT, class_="lead"),
        _totals(ledgers),
        notices(ledgers, folders),
        _section("papers", "Papers", scrolling("Table of papers", papers_table(ledgers))),
        _section("claims", "Claims", controls(scales), claims_table(ledgers)),
        _section("verdicts", "Verdicts", _meanings()),
        name="index.html",
    )


def _section(name: str, title: str, *content: Markup) -> Markup:
    heading = element("h2", title, id=name)
    return element("section", heading, *content, aria_labelledby=name, class_=f"s-{name}")


def _totals(ledgers: Sequence[PaperLedger]) -> Markup:
    counts: Counter[str] = Counter()
    for ledger in ledgers:
        counts.update(tally(r.verdict for r in ledger.results.get(SCALE, [])))
    papers = f"{plural(len(ledgers), 'paper')}, {SCALE} scale"
    items = [
        _total("claims tested", sum(counts.values()), papers),
        *(
            _total([shape(verdict), verdict], counts[verdict], css=css_class(verdict))
            for verdict in VERDICTS
        ),
    ]
    return element("dl", items, class_="totals")


def _total(name: object, count: int, below: str = "", css: str | None = None) -> Markup:
    under = element("dd", below, class_="below") if below else None
    return element("div", element("dt", name), element("dd", count), under, class_=css)


def _meanings() -> Markup:
    items = (
        element("div", element("dt", badge(verdict)), element("dd", MEANINGS[verdict], "."))
        for verdict in VERDICTS
    )
    return element("dl", items, class_="meanings")
