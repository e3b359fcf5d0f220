"""Polynomials of exp: errors against grids, degrees, positivity, what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import InvalidInputError
from papers.lora_limits.polynomials import (
    chebyshev,
    chebyshev_error,
    polynomial,
    smallest_degree,
    taylor,
    taylor_error,
)
from papers.lora_limits.threshold import point


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(["taylor", "chebyshev"]),
    st.integers(0, 12),
    st.floats(0.1, 3.0, allow_subnormal=False),
)
def test_relative_error_is_that_of_a_fine_grid(kind, degree, radius):
    P = polynomial(kind, degree, radius)
    s = np.linspace(-radius, radius, 20_001)
    grid = np.abs(P(s) * np.exp(-s) - 1).max()
    assert P.relative_error == pytest.approx(grid, rel=1e-4, abs=1e-13)


def test_least_degrees():
    """A relative error of 1e-4 on [-R, R]."""
    radii = (0.5, 1, 2, 4, 8)
    assert [smallest_degree("taylor", r, 1e-4) for r in radii] == [5, 7, 11, 19, 33]
    assert [smallest_degree("chebyshev", r, 1e-4) for r in radii] == [4, 6, 8, 13, 22]
    for kind, error in (("taylor", taylor_error), ("chebyshev", chebyshev_error)):
        for r in radii:
            degree = smallest_degree(kind, r, 1e-4)
            assert error(degree, r) <= 1e-4 < error(degree - 1, r)


def test_taylor_error_where_float64_cancels():
    """Against exact rational arithmetic at R = 40."""
    from fractions import Fraction

    degree, radius = 147, 40
    P = sum(Fraction(-radius) ** t / math.factorial(t) for t in range(degree + 1))
    exponential = sum(Fraction(radius) ** t / math.factorial(t) for t in range(400))
    assert taylor_error(degree, radius) == pytest.approx(float(abs(P * exponential - 1)), rel=1e-9)


def test_interpolation_is_exact_at_its_points():
    P, degree, radius = chebyshev(7, 2.0), 7, 2.0
    points = radius * np.cos(np.pi * (np.arange(degree + 1) + 0.5) / (degree + 1))
    np.testing.assert_allclose(P(points), np.exp(points), rtol=1e-12)


def test_positivity():
    assert taylor(4, 1.0).is_positive(1e6)
    assert not taylor(1, 1.0).is_positive(1.5)
    assert taylor(3, 1.0).is_positive(1.5)
    assert not taylor(3, 1.0).is_positive(1.7)
    assert taylor(0, 1.0).is_positive(9.0)


def test_what_is_refused():
    for call, message in (
        (lambda: polynomial("legendre", 2, 1.0), "allowed: taylor, chebyshev"),
        (lambda: taylor(-1, 1.0), "degree=-1"),
        (lambda: taylor(2, math.inf), "radius=inf"),
        (lambda: chebyshev(17, 1.0), "up to degree 16"),
        (lambda: smallest_degree("taylor", 1.0, 1.0), "eta=1.0"),
        (lambda: smallest_degree("taylor", 0.0, 0.1), "radius=0.0"),
        (lambda: smallest_degree("chebyshev", -1.0, 0.1), "radius=-1.0"),
        (lambda: smallest_degree("taylor", float("nan"), 0.1), "radius=nan"),
        (lambda: smallest_degree("legendre", 1.0, 0.1), "allowed: taylor, chebyshev"),
        (lambda: smallest_degree("taylor", 5000.0, 1e-4), "Norms are too large"),
        (lambda: smallest_degree("chebyshev", 40.0, 1e-4), "Norms are too large"),
        (lambda: point(0.5, 1.0), "log_length=0.5"),
        (lambda: point(10.0, 1.5), "s=1.5"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            call()


@pytest.mark.parametrize("log_length", [5.0, 10.0, 37.5])
@pytest.mark.parametrize("s", [0.25, 0.5, 1.0])
def test_threshold_by_brute_force(log_length, s):
    found, remainder = point(log_length, s), math.exp(2 * log_length**s)
    degree = -1
    while degree < 0 or remainder > math.exp(-log_length):
        degree += 1
        remainder *= log_length**s / (degree + 1)
    width = math.ceil(log_length)
    assert (found.width, found.degree) == (width, degree)
    count = math.comb(width + degree, degree)
    assert found.exponent == pytest.approx(math.log(count) / log_length, rel=1e-12)
