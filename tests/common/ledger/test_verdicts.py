"""Verdicts of parts and of the whole."""

import pytest

from common.ledger.verdicts import FAILS, HOLDS, NOT_RUN, STALE, UNRESOLVED, all_of, at_least


@pytest.mark.parametrize(
    ("given", "both", "either"),
    [
        ([HOLDS, HOLDS], HOLDS, HOLDS),
        ([HOLDS, FAILS], FAILS, HOLDS),
        ([FAILS, FAILS], FAILS, FAILS),
        ([HOLDS, UNRESOLVED], UNRESOLVED, HOLDS),
        ([FAILS, UNRESOLVED], FAILS, UNRESOLVED),
        ([FAILS, NOT_RUN], FAILS, NOT_RUN),
        ([HOLDS, NOT_RUN, UNRESOLVED], NOT_RUN, HOLDS),
        ([NOT_RUN, STALE], STALE, STALE),
        ([STALE, UNRESOLVED, HOLDS], STALE, HOLDS),
    ],
)
def test_what_decides(given, both, either):
    assert (all_of(given), at_least(1, given)) == (both, either)
