"""Intervals over seeds, against tables and against SciPy's own test."""

import math

import pytest
from scipy import stats

from common.ledger.intervals import of_difference, of_mean


def test_interval_of_a_mean_by_hand():
    # s = 1.290994, s / 2 = 0.645497, t(0.975; 3) = 3.182446
    interval = of_mean([1, 2, 3, 4])
    assert interval.mean == 2.5
    assert interval.half_width == pytest.approx(3.182446 * 0.645497, rel=1e-6)


def test_welch_against_scipy():
    a, b = [1.0, 2.0, 3.0], [2.0, 4.0, 6.0, 8.0]
    expected = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    interval = of_difference(a, b)
    assert interval.mean == -3
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))


def test_one_seed_tells_nothing():
    assert of_mean([3.0]).low == -math.inf
    assert of_difference([3.0, 3.1], [1.0]).high == math.inf


def test_equal_seeds_tell_all():
    interval = of_difference([3.0, 3.0], [1.0, 1.0])
    assert (interval.low, interval.high) == (2, 2)
