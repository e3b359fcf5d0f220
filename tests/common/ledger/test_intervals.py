"""Intervals over seeds, against tables and against SciPy's own test."""

import math
import statistics
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from common.ledger.intervals import (
    error_of_difference,
    error_of_pairs,
    of_difference,
    of_mean,
    of_pairs,
    of_slope,
    variance,
)

FLOATS = st.floats(-100, 100, allow_subnormal=False)


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


@given(st.lists(st.tuples(FLOATS, FLOATS), min_size=2, max_size=8))
def test_pairs_against_scipy(pairs):
    a, b = zip(*pairs, strict=True)
    differences = [x - y for x, y in pairs]
    assume(max(differences) - min(differences) > 1e-6)
    expected = stats.ttest_rel(a, b).confidence_interval(0.95)
    interval = of_pairs(a, b)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), rel=1e-6)
    assert error_of_pairs(a, b) == pytest.approx(stats.sem(differences), rel=1e-6)


def test_a_slope_against_scipy():
    x, y = [0.0, 1.0, 2.5, 4.0, 7.0], [1.0, 0.5, 3.0, 2.0, 6.5]
    expected = stats.linregress(x, y)
    interval = of_slope(x, y)
    assert interval.mean == pytest.approx(expected.slope)
    assert interval.half_width == pytest.approx(stats.t.ppf(0.975, 3) * expected.stderr)


@given(st.lists(st.tuples(FLOATS, FLOATS), min_size=3, max_size=8))
def test_a_slope_against_exact_arithmetic(points):
    # SciPy takes the error from 1 - r^2, which keeps no digits where the points lie on a line.
    x, y = ([Fraction(value) for value in values] for values in zip(*points, strict=True))
    assume(max(x) - min(x) > 1)
    mean_x, mean_y = statistics.mean(x), statistics.mean(y)
    square = sum((xi - mean_x) ** 2 for xi in x)
    slope = sum((xi - mean_x) * yi for xi, yi in zip(x, y, strict=True)) / square
    rest = sum((yi - mean_y - slope * (xi - mean_x)) ** 2 for xi, yi in zip(x, y, strict=True))
    width = stats.t.ppf(0.975, len(x) - 2) * math.sqrt(rest / (len(x) - 2) / square)
    interval = of_slope(*zip(*points, strict=True))
    assert interval.mean == pytest.approx(float(slope), rel=1e-9, abs=1e-9)
    assert interval.half_width == pytest.approx(width, rel=1e-6, abs=1e-9)


@given(st.lists(FLOATS, min_size=2, max_size=8), st.lists(FLOATS, min_size=2, max_size=8))
def test_the_error_of_a_difference_against_scipy(a, b):
    expected = math.hypot(stats.sem(a), stats.sem(b))
    assert error_of_difference(a, b) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(st.lists(FLOATS, min_size=2, max_size=8))
def test_a_variance_against_the_standard_library(values):
    assert variance(values) == pytest.approx(statistics.variance(values), rel=1e-9, abs=1e-15)


def test_equal_values_do_not_vary():
    assert variance([0.1] * 7) == 0.0


def test_one_seed_tells_nothing():
    assert of_mean([3.0]).low == -math.inf
    assert of_difference([3.0, 3.1], [1.0]).high == math.inf
    assert of_pairs([3.0], [1.0]).high == math.inf
    assert error_of_pairs([3.0], [1.0]) == math.inf
    assert error_of_difference([3.0, 3.1], [1.0]) == math.inf
    assert of_slope([1.0, 2.0], [1.0, 3.0]).high == math.inf


def test_equal_seeds_tell_all():
    interval = of_difference([3.0, 3.0], [1.0, 1.0])
    assert (interval.low, interval.high) == (2, 2)
