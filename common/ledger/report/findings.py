"""What was measured, against which bound."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from common.ledger.evaluate import Result
from common.ledger.relations import Finding
from common.ledger.report.badge import badge
from common.ledger.report.markup import Markup, element, join
from common.ledger.report.words import typeset
from common.ledger.verdicts import HOLDS

_NO_BOUND = "No bound is fixed at this scale: what is measured is shown, not judged."
_FEW = 2  # shown in short
_HEADS = ("What is compared", "Measured", "Bound", "n", "Verdict")


def findings_table(result: Result) -> Markup:
    """Every inequality, then the figures that are only shown beside them."""
    judged = result.finding.leaves() if result.check.relation is not None else []
    shown = [finding for finding in result.report if finding.measured]
    return join(
        [
            None if judged else element("p", _NO_BOUND, class_="unjudged"),
            _table(result, judged, shown) if judged or shown else None,
        ]
    )


def in_short(result: Result) -> Markup:
    """The figure where there is one, else how many hold and those that do not."""
    leaves = result.finding.leaves()
    measured = [leaf for leaf in leaves if leaf.measured]
    if len(leaves) == 1 and measured:
        main = [measured[0].measured, " ", _bound(measured[0])]
    elif measured:
        holds = sum(leaf.verdict == HOLDS for leaf in leaves)
        main = [f"{holds} of {len(leaves)} hold", _exceptions(measured)]
    else:
        main = ["–"]
    return element("span", main, _because(result))


def sort_value(result: Result) -> float | None:
    """The figure, where there is one."""
    leaves = result.finding.leaves()
    return leaves[0].value if len(leaves) == 1 else None


def _table(result: Result, judged: Iterable[Finding], shown: Sequence[Finding]) -> Markup:
    caption = f"{result.claim.id} at {result.scale} scale: measured figures and bounds"
    besides = (_line(finding, "not judged") for finding in shown)
    return element(
        "table",
        element("caption", caption, class_="unseen"),
        element("thead", element("tr", (element("th", text, scope="col") for text in _HEADS))),
        element("tbody", (_line(leaf, badge(leaf.verdict)) for leaf in judged)),
        element("tbody", besides, class_="shown") if shown else None,
        class_="findings",
    )


def _exceptions(leaves: Iterable[Finding]) -> Iterator[Markup]:
    not_met = [leaf for leaf in leaves if leaf.verdict != HOLDS]
    for leaf in not_met[:_FEW]:
        text = f"{leaf.name}: {leaf.measured} "
        yield join([" ", element("span", text, _bound(leaf), class_="exception")])
    if len(not_met) > _FEW:
        yield element("span", f" and {len(not_met) - _FEW} more", class_="exception")


def _because(result: Result) -> Markup | None:
    """What stands against a verdict, where no inequality does."""
    reasons = [*result.missing, *(f"changed: {what}" for what in result.changed)]
    if not reasons:
        return None
    rest = f" and {len(reasons) - 1} more" if len(reasons) > 1 else ""
    return element("span", f" {reasons[0]}{rest}", class_="exception bound")


def _bound(finding: Finding) -> Markup | None:
    if not finding.bound:
        return None
    return element("span", f"({typeset(finding.bound)})", class_="bound")


def _line(finding: Finding, verdict: Any) -> Markup:
    return element(
        "tr",
        element("th", finding.name, scope="row"),
        element("td", finding.measured or "–", class_="measured"),
        element("td", typeset(finding.bound) or "–"),
        element("td", finding.seeds or "–"),
        element("td", verdict),
    )
