"""A verdict as shape, colour and text: any one of them suffices."""

from __future__ import annotations

from common.ledger.report.markup import Markup, element
from common.ledger.verdicts import FAILS, HOLDS, NOT_RUN, STALE, UNRESOLVED

# In a square of 12 units, told apart by outline alone: disc, cross, half disc, ring, hourglass.
_SHAPES = {
    HOLDS: '<circle cx="6" cy="6" r="5" fill="currentColor"/>',
    FAILS: '<path d="M2 2l8 8M10 2l-8 8" stroke="currentColor" stroke-width="2.8"/>',
    UNRESOLVED: '<circle cx="6" cy="6" r="4.4" fill="none" stroke="currentColor" '
    'stroke-width="1.2"/><path d="M6 1.6a4.4 4.4 0 0 1 0 8.8z" fill="currentColor"/>',
    NOT_RUN: '<circle cx="6" cy="6" r="4.4" fill="none" stroke="currentColor" '
    'stroke-width="1.3" stroke-dasharray="2.2 1.25"/>',
    STALE: '<path d="M1.5 1h9L6 6l4.5 5h-9L6 6z" fill="currentColor"/>',
}


def css_class(verdict: str) -> str:
    """The class that colours it."""
    return f"v-{verdict.replace(' ', '-')}"


def shape(verdict: str) -> Markup:
    """The shape alone, unseen by screen readers."""
    return element(
        "svg", Markup(_SHAPES[verdict]), class_="shape", viewBox="0 0 12 12", aria_hidden="true"
    )


def badge(verdict: str) -> Markup:
    """Shape and word."""
    return element("span", shape(verdict), verdict, class_=f"verdict {css_class(verdict)}")
