"""What narrows the table of claims down; without a script there is no need of it."""

from __future__ import annotations

from collections.abc import Sequence

from common.ledger.report.badge import css_class, shape
from common.ledger.report.markup import Markup, element
from common.ledger.report.words import SCALE
from common.ledger.verdicts import VERDICTS


def controls(scales: Sequence[str]) -> Markup:
    """Search, verdicts, scale, and how many rows are left.

    Args:
        scales: at which something is tested.
    """
    options = [element("option", scale, value=scale, selected=scale == SCALE) for scale in scales]
    return element(
        "form",
        element("div", element("label", "Search", for_="search"), _search()),
        element(
            "div",
            element("label", "Scale", for_="scale"),
            element("select", options, element("option", "all", value="all"), id="scale"),
        ),
        element(
            "fieldset",
            element("legend", "Verdict", class_="unseen"),
            (_button(verdict) for verdict in VERDICTS),
            class_="verdicts",
        ),
        element("button", "Show all", type="reset"),
        element("p", role="status", aria_live="polite", id="shown"),
        class_="controls scripted",
        role="search",
        aria_label="Claims",
    )


def _search() -> Markup:
    return element(
        "input",
        id="search",
        type="search",
        autocomplete="off",
        spellcheck="false",
        placeholder="words in any column",
    )


def _button(verdict: str) -> Markup:
    return element(
        "button",
        shape(verdict),
        verdict,
        " ",
        element("span", class_="count"),
        type="button",
        class_=f"filter {css_class(verdict)}",
        aria_pressed="false",
        data_verdict=verdict,
    )
