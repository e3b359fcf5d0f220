"""Identities at random points, and rates in closed form against runs of their own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.recovery.ground_truth import diagonal, low_rank
from common.recovery.rates import geometric
from common.recovery.sensing import Population, gaussian
from papers.overparam_sensing import laws
from papers.overparam_sensing.models import Asymmetric, Start, Symmetric, descend, rebalance


def normal(*shape: int, seed: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


def same(found: torch.Tensor, wanted: torch.Tensor) -> None:
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)


points = given(
    rows=st.integers(2, 6),
    columns=st.integers(2, 6),
    k=st.integers(1, 4),
    eta=st.floats(0.01, 0.5),
    seed=st.integers(0, 999),
)


@settings(max_examples=30, deadline=None)
@points
def test_i1_the_imbalance_changes_in_second_order(rows, columns, k, eta, seed):
    """Of factorisation and of measurements alike, since only M enters."""
    rng = np.random.default_rng(seed)
    truth = low_rank([1.0, 0.5], rows, columns, rng)
    for a in (Population((rows, columns)), gaussian(2 * rows * columns, (rows, columns), rng)):
        f, g = 0.5 * normal(2, rows, k, seed=seed), 0.5 * normal(2, columns, k, seed=seed + 1)
        factors = Asymmetric(f, g)
        m = a.normal(factors.product() - truth)
        wanted = laws.next_imbalance(factors, m, eta)
        factors.step(m, eta)
        same(factors.imbalance(), wanted)


@settings(max_examples=30, deadline=None)
@points
def test_i2_and_i3_rows_outside_the_truth_have_a_recursion(rows, columns, k, eta, seed):
    f, g = 0.5 * normal(2, rows, k, seed=seed), 0.5 * normal(2, columns, k, seed=seed + 1)
    both, tied = Asymmetric(f.clone(), g.clone()), Symmetric(f.clone())
    both.step(both.product() - diagonal([0.7], rows, columns), eta)
    tied.step(tied.product() - diagonal([0.7], rows), eta)
    same(both.f[:, 1:], laws.next_outside(f[:, 1:], g, eta))
    same(both.g[:, 1:], laws.next_outside(g[:, 1:], f, eta))
    same(tied.x[:, 1:], laws.next_outside(f[:, 1:], f, eta))


@pytest.mark.parametrize(("size", "width"), [(6, 3), (3, 5)])
def test_r1_the_constant_of_tied_factors(size, width):
    """With k - r and with n - r the smaller; from below, and by a factor of 1 - O(ln T / T)."""
    x, _ = Start(size, size, width).draw([0], [1.0])
    steps, eta = 10_000, 0.2
    errors = descend(Symmetric(x), diagonal([1.0], size), Population((size, size)), eta, steps)
    limit = laws.sublinear_constant(size, 1, width, eta)
    assert 0.98 < errors[-1, 0] * steps**2 / limit < 1


def test_r2_tied_factors_of_the_rank_converge_by_the_smallest_value():
    x, _ = Start(9, 9, 2).draw([1], [0.3])
    errors = descend(Symmetric(x), diagonal([1.0, 0.6], 9), Population((9, 9)), 0.1, 800)
    slope = geometric(errors[:, 0], 1e-10, 1e-20).slope
    assert np.exp(slope) == pytest.approx(laws.ratio(0.6, 0.1), rel=1e-5)


@pytest.mark.parametrize("larger", [1, 3])
def test_r2_factors_of_their_own_converge_slower_from_a_large_start(larger):
    """Whichever of the two is the larger: the smaller one decides."""
    f, g = Start(9, 7, 2).draw([1], [0.3])
    factors = Asymmetric(f * larger, g * 9 / larger)
    errors = descend(factors, diagonal([1.0, 0.6], 9, 7), Population((9, 7)), 0.1, 1500)
    found = np.exp(geometric(errors[:, 0], 1e-12, 1e-22).slope)
    law = laws.ratio(float(laws.exact_rate(factors)), 0.1)
    assert found == pytest.approx(law, abs=1e-4)
    assert law > laws.ratio(0.6, 0.1) + 1e-3


@pytest.mark.parametrize("square", [0.25, 0.5, 1.0])
def test_r4_the_rate_after_rescaling(square):
    """Below, at and above the best beta^2, which is s_r; of a small start, for which R4 stands."""
    f, g = Start(9, 7, 4).draw([2], [0.01])
    factors = Asymmetric(f, g)
    truth, population = diagonal([1.0, 0.5], 9, 7), Population((9, 7))
    descend(factors, truth, population, 0.1, 400)
    rebalance(factors, square**0.5)
    errors = descend(factors, truth, population, 0.1, 1500, halt=1e-27)
    found = np.exp(geometric(errors[:, 0], 1e-12, 1e-24).slope)
    law = laws.ratio(laws.rebalanced_rate(square**0.5, 0.5), 0.1)
    assert found == pytest.approx(law, abs=1e-4)


@pytest.mark.parametrize(("beside", "stable"), [(0.95, True), (1.05, False)])
def test_r4_steps_are_stable_below_the_largest(beside, stable):
    f, g = Start(6, 6, 2).draw([0], [0.1])
    factors = Asymmetric(f, g)
    truth, population = diagonal([1.0], 6), Population((6, 6))
    descend(factors, truth, population, 0.1, 300)
    rebalance(factors, 2.0)
    eta = beside * laws.largest_eta(2.0, 1.0)
    factors.f += 1e-6 * normal(1, 6, 2, seed=0)
    errors = descend(factors, truth, population, eta, 100)[:, 0]
    assert (errors[-1] < errors[0]) is np.bool_(stable)


def test_a_rate_that_the_limit_tells():
    """R3 on a run of its own, away from those of the ledger."""
    f, g = Start(12, 9, 4).draw([3], [0.7])
    factors = Asymmetric(f, g)
    errors = descend(factors, diagonal([1.0, 0.6], 12, 9), Population((12, 9)), 0.1, 3000)
    slope = geometric(errors[:, 0], 1e-10, 1e-22).slope
    law = np.log(laws.ratio(float(laws.imbalanced_rate(factors, 2)), 0.1))
    assert slope == pytest.approx(law, rel=0.02)


def test_the_toy_conserves_its_imbalance():
    errors, f = laws.toy(1.0, 0.5, 1e-3, 20_000)
    assert errors[0] == 0.25
    assert f**2 == pytest.approx(1 - 0.25, rel=2e-3)
    assert np.log(errors[-1] / errors[-2]) == pytest.approx(laws.toy_slope(f, 1e-3), rel=1e-2)


def test_the_best_beta_is_the_root():
    rates = {beta: laws.rebalanced_rate(beta, 0.5) for beta in (0.5, 0.5**0.5, 1.0)}
    assert max(rates, key=rates.get) == 0.5**0.5
    assert rates[0.5**0.5] == pytest.approx(0.5)
    assert laws.largest_eta(1.0, 1.0) == 1
