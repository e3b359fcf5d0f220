"""The verdicts of a paper at a glance: a sign for each claim, linked to it."""

from __future__ import annotations

from collections.abc import Mapping

from common.ledger.claims import Claim
from common.ledger.evaluate import Result
from common.ledger.report.badge import css_class, shape
from common.ledger.report.markup import Markup, element
from common.ledger.report.words import SCALE, ordered
from common.ledger.update import PaperLedger

Outcomes = dict[str, dict[str, Result]]


def outcomes(ledger: PaperLedger) -> Outcomes:
    """Claim -> scale -> outcome, for every claim."""
    found: Outcomes = {claim.id: {} for claim in ledger.plan.claims}
    for scale, results in ledger.results.items():
        for result in results:
            found[result.claim.id][scale] = result
    return found


def strip(ledger: PaperLedger, file: str = "", named: bool = False) -> Markup:
    """A list of links.

    Args:
        file: in which the claims are, empty for that of the list.
        named: shows the ids too.
    """
    found = outcomes(ledger)
    items = (_sign(claim, found[claim.id], file, named) for claim in ledger.plan.claims)
    return element("ul", items, class_=f"strip{' named' if named else ''}")


def _sign(claim: Claim, results: Mapping[str, Result], file: str, named: bool) -> Markup:
    scale = SCALE if SCALE in results else next(iter(ordered(results)), "")
    if scale:
        verdict = results[scale].verdict
        says = verdict if scale == SCALE else f"{verdict} at {scale} scale"
        sign, css = shape(verdict), css_class(verdict)
    else:
        says, sign, css = "measured by another", element("span", "–", aria_hidden="true"), None
    link = element(
        "a",
        sign,
        claim.id if named else element("span", claim.id, class_="unseen"),
        element("span", f" {says}", class_="unseen"),
        href=f"{file}#{claim.id}",
        class_=css,
        title=f"{claim.id} {says}",
    )
    return element("li", link)
