"""The five verdicts, and how those of parts make that of the whole."""

from __future__ import annotations

from collections.abc import Iterable

HOLDS = "holds"
FAILS = "fails"
UNRESOLVED = "unresolved"  # the interval over seeds straddles the bound
NOT_RUN = "not run"
STALE = "stale"  # measured with a configuration that has changed since

VERDICTS = (HOLDS, FAILS, UNRESOLVED, NOT_RUN, STALE)

_DECIDES_ALL = (FAILS, NOT_RUN, STALE, UNRESOLVED)
_DECIDES_ANY = (HOLDS, NOT_RUN, STALE, UNRESOLVED)


def all_of(verdicts: Iterable[str]) -> str:
    """Every part must hold: one failure decides, then whatever is still open."""
    given = set(verdicts)
    return next((v for v in _DECIDES_ALL if v in given), HOLDS)


def any_of(verdicts: Iterable[str]) -> str:
    """One part must hold: it decides, then whatever may still hold."""
    given = set(verdicts)
    return next((v for v in _DECIDES_ANY if v in given), FAILS)
