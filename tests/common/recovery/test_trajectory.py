"""Steps that lie evenly in the logarithm, each once."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import InvalidInputError
from common.recovery.trajectory import log_spaced, trajectory


def test_doublings():
    assert log_spaced(16, per_doubling=1) == [0, 1, 2, 4, 8, 16]
    assert log_spaced(0) == [0]
    assert log_spaced(1) == [0, 1]


@given(st.integers(1, 10**6), st.integers(1, 8))
def test_ascending_from_the_first_to_the_last_and_few(last, per_doubling):
    found = log_spaced(last, per_doubling)
    assert found[0] == 0
    assert found[-1] == last
    assert all(a < b for a, b in pairwise(found))
    assert len(found) <= np.log2(last) * per_doubling + 3


def test_errors_are_those_of_their_steps():
    errors = np.arange(101.0) ** 2
    found = trajectory("error", errors)
    assert found["error"] == [t**2 for t in found["error_at"]]


def test_mistakes():
    with pytest.raises(InvalidInputError, match="last=-1"):
        log_spaced(-1)
    with pytest.raises(InvalidInputError, match="per_doubling=0"):
        log_spaced(3, 0)
