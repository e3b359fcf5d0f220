"""The five verdicts, and how those of parts make that of the whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

HOLDS = "holds"
FAILS = "fails"
UNRESOLVED = "unresolved"  # the interval asked for straddles the bound, or budgets differ
NOT_RUN = "not run"
STALE = "stale"  # measured with code, configuration or data that have changed since

VERDICTS = (HOLDS, FAILS, UNRESOLVED, NOT_RUN, STALE)

_OPEN = (STALE, NOT_RUN, UNRESOLVED)


def at_least(wanted: int, verdicts: Iterable[str]) -> str:
    """So many parts must hold: decided once they do or no longer can; else what is still open."""
    given = list(verdicts)
    holds = given.count(HOLDS)
    if holds >= wanted:
        return HOLDS
    if len(given) - given.count(FAILS) < wanted:
        return FAILS
    return next(v for v in _OPEN if v in given)


def all_of(verdicts: Iterable[str]) -> str:
    """Every part must hold: one failure decides, then whatever is still open."""
    given = list(verdicts)
    return at_least(len(given), given)


def tally(verdicts: Iterable[str]) -> dict[str, int]:
    """How often each verdict was given."""
    counts = Counter(verdicts)
    return {verdict: counts[verdict] for verdict in VERDICTS}
