"""Closed forms and bounds, by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from papers.sensitivity_sampling import families, laws
from papers.sensitivity_sampling.bounds import total_bounds, total_outside
from papers.sensitivity_sampling.models import Scores
from papers.sensitivity_sampling.sensitivities import sensitivities
from papers.sensitivity_sampling.tasks.row_counts import bounds
from papers.sensitivity_sampling.tasks.sensitivities import measured, steps
from papers.sensitivity_sampling.tasks.structured_matrices import lift_rank


def test_closed_forms():
    assert laws.gaussian_total(6, 2) == pytest.approx(6)
    assert laws.gaussian_total(12, 4) == pytest.approx(56)
    assert laws.complete_graph_sensitivity(5, 2) == pytest.approx(2 / 5)
    for p in (1.0, 3.0):
        found = sensitivities(families.complete_graph(5), p)
        wanted = laws.complete_graph_sensitivity(5, p)
        torch.testing.assert_close(found.upper, torch.full((10,), wanted).double())
    assert sensitivities(families.stacked_identity(12, 4), 3.0).total[1] == pytest.approx(4)
    assert sensitivities(families.half_turn(7), 4.0).total[1] == pytest.approx(8 / 3)


def test_bounds_of_row_numbers():
    assert laws.rows_by_total(4, 1.5) == pytest.approx(4 ** (4 / 3))
    assert laws.rows_by_total(4, 4) == pytest.approx(8)
    assert laws.rows_below_two(4, 9, 1) == pytest.approx(12)
    assert laws.rows_combined(16, 4, 4) == pytest.approx(32)
    assert laws.total_that_pays(5, 4) == pytest.approx(25)
    assert laws.total_that_pays(5, 2) == float("inf")
    assert laws.root_leverage_fixed_point(8, 0.2, 1.5) == pytest.approx(68.4, abs=0.01)
    assert laws.root_leverage_fixed_point(4, 0.5, 3) == pytest.approx(16)
    assert laws.root_leverage_sum(100, 4, 1) == pytest.approx(20)
    assert laws.root_leverage_sum(16, 3, 4) == pytest.approx(24)
    assert laws.halving_error(8, 100, 3) == pytest.approx(1.2)


def test_bounds_of_structured_matrices():
    assert laws.polynomial_total(9, 1.5) == pytest.approx(14.5)
    assert laws.several_variables_total(3, 2, 1.5) == pytest.approx(30.25)
    assert [laws.lifted_total(9, p) for p in (1.5, 2, 3, 4)] == [10, 10, 19, 19]
    assert laws.low_rank_sparse_total(12, 2, 1, 4) == 108
    assert laws.low_rank_sparse_total(5, 2, 2, 1) == 40
    assert laws.theorem_low_rank_sparse(12, 2, 1, 4) == 972
    assert laws.largest_at(4, 0.5, 2, 10) == pytest.approx(2.5)


def test_ranks_of_lifts():
    """Of 1, x the products are 1, x, x^2; of polynomials up to degree q, up to degree 2 q."""
    assert [lift_rank(families.chebyshev(41, q)) for q in (1, 3)] == [3, 7]
    assert lift_rank(torch.eye(4).double()) == 4
    both = families.chebyshev_product(5, 1, 2)
    x, y = both[:, 2], both[:, 1]
    torch.testing.assert_close(both, torch.stack([torch.ones(25).double(), y, x, x * y], 1))
    assert lift_rank(both) == 9


@pytest.mark.parametrize("p", [1.0, 1.5, 3.0, 4.0])
def test_polynomials_of_two_variables(p):
    total = sensitivities(families.chebyshev_product(7, 2, 2), p).total[1]
    assert total <= laws.several_variables_total(2, 2, p)


@pytest.mark.parametrize("seed", range(3))
def test_the_largest_of_a_higher_power(seed):
    a = families.heavy_tailed(40, 3, np.random.default_rng(seed))
    largest = {p: float(sensitivities(a, p).lower.max()) for p in (1.0, 1.5, 3.0, 4.0)}
    for p, low in largest.items():
        for q, high in largest.items():
            if q >= p:
                assert high <= laws.largest_at(q, low, p, 40) * (1 + 1e-6)
    # Equal entries of one column attain it.
    ones = torch.ones(8, 1).double()
    assert float(sensitivities(ones, 4).upper[0]) == pytest.approx(laws.largest_at(4, 1 / 8, 2, 8))


def test_where_totals_lie():
    assert total_bounds(4, 1) == (2, 4)
    assert total_bounds(4, 3) == (4, 8)
    assert total_outside((3, 3), 4, 1) == pytest.approx(-0.25)
    assert total_outside((8, 8), 4, 1) == pytest.approx(1)
    assert total_outside((2, 2), 4, 3) == pytest.approx(1)


def test_what_is_measured_of_an_identity():
    """s = 1/2 of all rows at p = 4, Lewis weights and leverage scores too."""
    found = measured(Scores.of(families.stacked_identity(6, 3), 4.0))
    assert found["total"] == pytest.approx(3)
    assert found["saving"] == pytest.approx(3**1.5 / 9)
    assert found["agrees"] == 1
    assert found["total_outside"] == pytest.approx(0, abs=1e-8)
    # Between w and d w, and between tau^2 and n tau^2: the larger lower bound is s.
    assert found["outside"] == pytest.approx(0, abs=1e-8)
    assert measured(Scores.of(families.stacked_identity(6, 3), 1.0))["sharper"] == (
        pytest.approx(3**-0.5)
    )


def test_steps_from_p_to_p():
    found = {1.0: torch.tensor([0.5, 0.1]), 2.0: torch.tensor([0.4, 0.2])}
    made = steps({p: s.double() for p, s in found.items()})
    assert made["rise"] == pytest.approx(-0.1)
    assert made["decreasing"] == 1
    assert made["leap"] == pytest.approx(0.4 / (0.5**2 * 2))


def test_bounds_of_a_total():
    assert bounds(16.0, 4, 4) == {"agrees_d4": 1.0}
    found = bounds(3.0, 4, 1)
    assert found["sharper_d4"] == pytest.approx(2 * 3 / 9)
