"""Closed forms against the single expressions and against exact integration."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from common.errors import InvalidInputError
from common.kernels.hermite import hermite_series
from papers.hierarchical_polynomials import closed_forms
from papers.hierarchical_polynomials.targets import Link, Quadratic, feature
from tests.papers.hierarchical_polynomials.made import LINK, normal


@pytest.mark.parametrize("d", [16, 32, 64])
def test_forms_of_degree_two(d):
    """As they are derived for lambda = 1 and +-1, one expression each."""
    balanced, radial = feature("balanced", d, 2), feature("radial", d, 2)
    root = math.sqrt(d)
    assert closed_forms.correlation_limit(balanced) == pytest.approx((1 + 4 / d) ** -0.5)
    assert closed_forms.correlation_limit(radial) == pytest.approx(1)
    assert closed_forms.third_moment(balanced) == pytest.approx(0, abs=1e-12)
    assert closed_forms.third_moment(radial) == pytest.approx(2 * math.sqrt(2) / root)
    for p, variance in ((balanced, 2 + 6 / d), (radial, 2 + 6 / d + 4 / root)):
        assert closed_forms.fourth_moment(p) == pytest.approx(3 + 12 / d)
        assert closed_forms.square_of_degree_four(p) == pytest.approx(2 + 4 / d)
        assert closed_forms.variance(p) == pytest.approx(variance)
        assert closed_forms.kernel_floor(p) == pytest.approx((1 + 2 / d) / variance)


def test_figures_that_are_known():
    assert closed_forms.correlation_limit(feature("balanced", 32, 2)) == pytest.approx(
        0.943, abs=1e-3
    )
    floors = {("balanced", 16): 0.474, ("balanced", 32): 0.486}
    floors |= {("radial", 16): 0.333, ("radial", 32): 0.367, ("radial", 64): 0.398}
    for (shape, d), floor in floors.items():
        assert closed_forms.kernel_floor(feature(shape, d, 2)) == pytest.approx(floor, abs=1e-3)
    halves = closed_forms.second_degree_correlation(feature("halves", 16, 2))
    assert halves == pytest.approx(0.99677, abs=1e-5)


def test_forms_of_degree_three():
    cubic, products = feature("radial", 12, 3), feature("product", 12, 3)
    assert closed_forms.fourth_moment(cubic) == pytest.approx(3 + 90 / 12)
    assert closed_forms.fourth_moment(products) == pytest.approx(3 + 24 / 4)
    for p in (cubic, products):
        assert float(closed_forms.square_of_degree_two(p).square().sum()) == pytest.approx(18 / 12)
    assert closed_forms.cubic_slope(products, 0.2) == pytest.approx(1 + 0.2 * 6 / math.sqrt(6))


def moments(p, d: int, functions, nodes: int = 12):
    """E f(x) by a product of Gauss's rules on d coordinates, exact to degree 23 in each."""
    points, weights = np.polynomial.hermite_e.hermegauss(nodes)
    x = torch.from_numpy(np.array(list(itertools.product(points, repeat=d))))
    w = torch.from_numpy(np.array(list(itertools.product(weights, repeat=d)))).prod(1)
    return [float(w @ f(x) / w.sum()) for f in functions]


@pytest.mark.parametrize(
    "p",
    [
        feature("balanced", 4, 2),
        feature("radial", 3, 2),
        feature("halves", 3, 2),
        feature("radial", 3, 3),
        feature("product", 4, 2),
        feature("product", 3, 3),
    ],
    ids=["balanced", "radial", "halves", "cubic", "products of two", "product of three"],
)
def test_moments_against_exact_integration(p):
    """Also of P_2(p^2), coordinate by coordinate, and of P_4 where it is known."""
    d = len(p.weights) * (p.degree if p.product else 1)
    he = [lambda x, i=i: p(x).square() * (x[:, i] ** 2 - 1) / math.sqrt(2) for i in range(d)]
    third, fourth, h, *low = moments(
        p, d, [lambda x: p(x) ** 3, lambda x: p(x) ** 4, lambda x: LINK(p(x)).square(), *he]
    )
    assert closed_forms.third_moment(p) == pytest.approx(third, abs=1e-9)
    assert closed_forms.fourth_moment(p) == pytest.approx(fourth)
    assert closed_forms.variance(p) == pytest.approx(h)
    assert closed_forms.square_of_degree_two(p).tolist() == pytest.approx(low)
    if p.degree == 2 and not p.product:

        def degree_four(x):
            part = hermite_series(x, [0.0, 0.0, 1.0]) @ closed_forms.square_of_degree_two(p)
            return (p(x).square() - 1 - part).square()

        (square,) = moments(p, d, [degree_four])
        assert closed_forms.square_of_degree_four(p) == pytest.approx(square)


def test_the_low_part_of_radial_is_p_times_a_factor():
    x = normal(20, 16)
    p = feature("radial", 16, 2)
    assert torch.allclose(closed_forms.low_degree_part(p, x), (1 + 2 / 4) * p(x))
    balanced = feature("balanced", 16, 2)
    wanted = balanced(x) + 2 / 4 * p(x)
    assert torch.allclose(closed_forms.low_degree_part(balanced, x), wanted)


def test_the_slope_of_products_of_three():
    """<h, p> by integration; P_{<=3} h is parallel to p, so that it is the slope."""
    p, link = feature("product", 3, 3), Link((0.0, 1.0, 0.0, 0.2))
    (slope,) = moments(p, 3, [lambda x: link(p(x)) * p(x)])
    assert closed_forms.cubic_slope(p, 0.2) == pytest.approx(slope)


def test_a_quadratic_has_the_forms_of_its_eigenvalues():
    signs = torch.diag(torch.tensor([1.0, -1.0] * 4, dtype=torch.float64))
    turn = torch.linalg.qr(normal(8, 8)).Q
    p, balanced = Quadratic(turn @ signs @ turn.mT), feature("balanced", 8, 2)
    for form in (closed_forms.correlation_limit, closed_forms.kernel_floor):
        assert form(p) == pytest.approx(form(balanced))


def test_of_two_terms_of_opposite_signs_one_is_not_seen():
    found = closed_forms.second_degree(feature("two_dominated", 16, 2))
    assert found[:2].tolist() == pytest.approx([1, 0])


def test_where_they_apply():
    assert closed_forms.applies(feature("balanced", 8, 2), LINK)
    assert closed_forms.applies(feature("quadratic", 8, 2), LINK)
    assert not closed_forms.applies(feature("balanced", 8, 1), LINK)
    assert not closed_forms.applies(feature("product", 8, 2), LINK)
    assert not closed_forms.applies(feature("balanced", 8, 2), Link((0.0, 0.0, 1.0)))
    with pytest.raises(InvalidInputError, match="degree=3"):
        closed_forms.kernel_floor(feature("radial", 8, 3))
    with pytest.raises(InvalidInputError, match="degree=1"):
        closed_forms.square_of_degree_two(feature("radial", 8, 1))
    with pytest.raises(InvalidInputError, match="products of three"):
        closed_forms.cubic_slope(feature("radial", 8, 3), 0.2)
