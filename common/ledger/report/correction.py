"""Where paper, code and measurement disagree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from common.ledger.errata import corrections
from common.ledger.report.badge import badge
from common.ledger.report.frame import page
from common.ledger.report.markup import Markup, element, join
from common.ledger.report.words import plural
from common.ledger.update import PaperLedger

_NAMES = {
    "paper": "The paper",
    "code": "Its code",
    "measurement": "Measurement",
    "consequence": "Consequence",
    "test": "Test",
}


def correction_list(said: Mapping[str, str]) -> Markup:
    """Each side of it, by name."""
    return element(
        "dl",
        (
            element("div", element("dt", title), element("dd", _said(name, said[name])))
            for name, title in _NAMES.items()
        ),
        class_="correction",
    )


def errata_page(ledgers: Iterable[PaperLedger]) -> str:
    """The corrections of all papers."""
    found = corrections(ledgers)
    papers = list(dict.fromkeys((one["paper"], one["title"]) for one in found))
    count = f"{plural(len(found), 'correction')} in {plural(len(papers), 'paper')}."
    parts = []
    for paper, title in papers:
        entries = [_entry(one) for one in found if one["paper"] == paper]
        link = element("a", title, href=f"{paper}.html")
        parts.append(
            element("section", element("h2", link, id=paper), entries, aria_labelledby=paper)
        )
    return page(
        "Errata",
        element("h1", "Errata"),
        element(
            "p",
            "Where a paper, its official code and the measurement disagree, and what follows for "
            "the published figures. ",
            count,
            class_="lead",
        ),
        parts or element("p", "None is recorded."),
        name="errata.html",
    )


def _entry(one: dict) -> Markup:
    name = f"{one['paper']}-{one['claim']}"
    return element(
        "article",
        element(
            "h3",
            element("a", one["claim"], href=f"{one['paper']}.html#{one['claim']}", class_="id"),
            " ",
            element("span", one["statement"], class_="statement"),
            id=f"_{name}",
        ),
        element("p", badge(one["verdict"]) if one["verdict"] else None, class_="kind"),
        element(
            "div",
            element("p", one["source"], class_="source"),
            correction_list(one["says"] | {"test": one["test"]}),
            class_="about",
        ),
        class_="claim",
        id=name,
        aria_labelledby=f"_{name}",
    )


def _said(name: str, text: str) -> Markup:
    return element("code", text) if name == "test" else join([text])
