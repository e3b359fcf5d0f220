"""Steps against autograd, identities at random points, closed-form rates, the solver."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import InvalidInputError
from common.recovery.ground_truth import diagonal, low_rank, positive_semidefinite
from common.recovery.rates import geometric
from common.recovery.sensing import Population, gaussian
from papers.overparam_sensing import laws
from papers.overparam_sensing.models import (
    Alternating,
    Asymmetric,
    Preconditioned,
    Start,
    Symmetric,
    descend,
    rebalance,
)
from papers.overparam_sensing.recover import METHODS, recover


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


def close(found: torch.Tensor, wanted: torch.Tensor) -> None:
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)


def sensing(rows: int, columns: int, m: int = 30):
    return gaussian(m, (rows, columns), np.random.default_rng(1), m**-0.5)


@settings(max_examples=20, deadline=None)
@given(n=st.integers(1, 6), k=st.integers(1, 4), seed=st.integers(0, 99))
def test_symmetric_steps_are_those_of_the_loss(n, k, seed):
    """1/4 ||A(X X^T) - y||^2 by autograd, with A_i that are not symmetric."""
    a, truth = sensing(n, n), positive_semidefinite([1.0], n, np.random.default_rng(seed))
    x = normal(2, n, k, seed=seed).requires_grad_()
    (a.apply(x @ x.mT - truth).square().sum() / 4).backward()
    factors = Symmetric(x.detach().clone())
    factors.step(a.normal(factors.product() - truth), 0.1)
    close(factors.x, x.detach() - 0.1 * x.grad)


@settings(max_examples=20, deadline=None)
@given(rows=st.integers(1, 6), columns=st.integers(1, 6), k=st.integers(1, 4))
def test_asymmetric_steps_are_those_of_the_loss(rows, columns, k):
    a, truth = sensing(rows, columns), low_rank([1.0], rows, columns, np.random.default_rng(k))
    f, g = (normal(2, n, k, seed=n).requires_grad_() for n in (rows, columns))
    (a.apply(f @ g.mT - truth).square().sum() / 2).backward()
    factors = Asymmetric(f.detach().clone(), g.detach().clone())
    factors.step(a.normal(factors.product() - truth), 0.1)
    close(factors.f, f.detach() - 0.1 * f.grad)
    close(factors.g, g.detach() - 0.1 * g.grad)


@settings(max_examples=20, deadline=None)
@given(rows=st.integers(2, 6), columns=st.integers(2, 6), k=st.integers(1, 4))
def test_the_imbalance_changes_by_terms_of_second_order_alone(rows, columns, k):
    """I1, with measurements: Delta+ = Delta + eta^2 (G^T M^T M G - F^T M M^T F)."""
    a, truth = sensing(rows, columns), low_rank([1.0], rows, columns, np.random.default_rng(k))
    f, g = normal(1, rows, k), normal(1, columns, k, seed=1)
    m = a.normal(f @ g.mT - truth)
    factors = Asymmetric(f.clone(), g.clone())
    before = factors.imbalance()
    close(before, f.mT @ f - g.mT @ g)
    factors.step(m, 0.1)
    second = (m @ g).mT @ (m @ g) - (m.mT @ f).mT @ (m.mT @ f)
    close(factors.imbalance() - before, 0.01 * second)


def test_rows_outside_the_truth_shrink_by_the_other_factor():
    """I2, I3: J+ = J (1 - eta G^T G), K+ = K (1 - eta F^T F), and X's by its own."""
    truth = diagonal([1.0, 0.5], 7)
    f, g = normal(1, 7, 3), normal(1, 7, 3, seed=1)
    both, tied = Asymmetric(f.clone(), g.clone()), Symmetric(f.clone())
    for factors in (both, tied):
        factors.step(factors.product() - truth, 0.1)
    eye = torch.eye(3, dtype=f.dtype)
    close(both.f[:, 2:], f[:, 2:] @ (eye - 0.1 * g.mT @ g))
    close(both.g[:, 2:], g[:, 2:] @ (eye - 0.1 * f.mT @ f))
    close(tied.x[:, 2:], f[:, 2:] @ (eye - 0.1 * f.mT @ f))


@pytest.mark.parametrize("width", [3, 4])
def test_the_constant_of_the_sublinear_law(width):
    """R1: T^2 e_T tends to (k - r) / (4 eta^2)."""
    x, _ = Start(12, 12, width).draw([0], [0.3])
    steps = 20_000
    errors = descend(Symmetric(x), diagonal([1.0, 1.0], 12), Population((12, 12)), 0.1, steps)
    law = laws.sublinear_constant(12, 2, width, 0.1)
    assert law == pytest.approx((width - 2) / 0.04)
    assert errors[-1, 0] * steps**2 == pytest.approx(law, rel=0.15)


def test_the_rate_with_as_many_columns_as_the_rank():
    """R2: by the smaller of both factors' smallest eigenvalues."""
    f, g = Start(10, 10, 2).draw([1], [0.9])
    factors = Asymmetric(f, g)
    errors = descend(factors, diagonal([1.0, 0.4], 10), Population((10, 10)), 0.1, 800)
    measured = np.exp(geometric(errors[:, 0], 1e-8, 1e-20).slope)
    assert measured == pytest.approx(float(laws.ratio(laws.exact_rate(factors), 0.1)), abs=2e-3)


def test_the_rate_after_the_one_step():
    """R4, on a run."""
    for before in (300, 500):
        f, g = Start(10, 10, 4).draw([2], [0.1])
        factors = Asymmetric(f, g)
        descend(factors, diagonal([1.0, 0.5], 10), Population((10, 10)), 0.1, before)
        rebalance(factors, 0.7)
        errors = descend(factors, diagonal([1.0, 0.5], 10), Population((10, 10)), 0.1, 900)
        measured = np.exp(geometric(errors[:, 0], 1e-8, 1e-22).slope)
        law = float(laws.ratio(laws.rebalanced_rate(0.7, 0.5), 0.1))
        assert measured == pytest.approx(law, abs=2e-3)


def test_rescaling_in_the_saddle_breaks_nothing():
    """Before anything is learnt; it still ends at the truth, if not at R4's rate."""
    f, g = Start(10, 10, 4).draw([2], [1e-4])
    factors = Asymmetric(f, g)
    rebalance(factors, 0.7)
    errors = descend(factors, diagonal([1.0, 0.5], 10), Population((10, 10)), 0.1, 900)
    assert errors[-1, 0] < 1e-12


def test_tied_factors_stay_tied_with_symmetric_measurements_alone():
    """I4: the curse, and how unsymmetric measurements break it."""
    truth = positive_semidefinite([1.0, 0.5], 8, np.random.default_rng(0))
    x = 0.1 * normal(1, 8, 3)
    for a, tied in ((sensing(8, 8, 90), False), (sensing(8, 8, 90).symmetrised(), True)):
        factors = Asymmetric(x.clone(), x.clone())
        descend(factors, truth, a, 0.1, 100)
        assert bool((factors.f - factors.g).abs().max() < 1e-13) is tied


def test_alternating_steps_take_the_new_left_factor():
    truth = diagonal([1.0], 4)
    f, g = normal(1, 4, 2), normal(1, 4, 2, seed=1)
    factors = Alternating(f.clone(), g.clone(), lambda product: product - truth)
    factors.step(f @ g.mT - truth, 0.1)
    left = f - 0.1 * (f @ g.mT - truth) @ g
    torch.testing.assert_close(factors.f, left)
    torch.testing.assert_close(factors.g, g - 0.1 * (left @ g.mT - truth).mT @ left)


def test_preconditioned_steps_are_gradients_times_an_inverse():
    truth = diagonal([1.0, 0.5], 5)
    x = normal(2, 5, 3)
    factors = Preconditioned(x.clone())
    m = factors.product() - truth
    factors.step(m, 0.1)
    lam = torch.linalg.matrix_norm(m)[:, None, None]
    inverse = torch.linalg.inv(x.mT @ x + lam * torch.eye(3, dtype=x.dtype))
    torch.testing.assert_close(factors.x, x - 0.1 * m @ x @ inverse)


def test_rebalancing_moves_the_imbalance_and_not_the_product():
    f, g = 1e-3 * normal(3, 9, 4), normal(3, 7, 4, seed=1)
    factors = Asymmetric(f.clone(), g.clone())
    kept = rebalance(factors, 0.7)
    assert bool((kept == 1).all())
    torch.testing.assert_close(factors.product(), f @ g.mT, rtol=1e-12, atol=1e-15)
    eye = 0.49 * torch.eye(4, dtype=f.dtype)
    torch.testing.assert_close(factors.f.mT @ factors.f, eye.expand(3, 4, 4))
    f[:, :, 3] = f[:, :, 2]  # of rank 3: what is raised is said
    assert bool((rebalance(Asymmetric(f, g), 0.7) < 1).all())
    with pytest.raises(InvalidInputError, match="F is zero"):
        rebalance(Asymmetric(torch.zeros_like(f), g), 0.7)
    for beta in (0.0, float("nan")):
        with pytest.raises(InvalidInputError, match="allowed: above 0"):
            rebalance(factors, beta)


def test_the_start_is_one_draw_at_every_scale():
    f, g = Start(6, 4, 3).draw([7, 8], [1.0, 0.5])
    assert f.shape == (4, 6, 3)
    assert g.shape == (4, 4, 3)
    torch.testing.assert_close(f[0], 2 * f[1])
    rng = np.random.default_rng(8)
    np.testing.assert_allclose(f[2], rng.standard_normal((6, 3)) / np.sqrt(6))
    np.testing.assert_allclose(g[2], rng.standard_normal((4, 3)) / np.sqrt(4) / 3)
    with pytest.raises(InvalidInputError, match="sizes of 1 or more"):
        Start(6, 4, 0)


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


def test_steps_that_diverge_are_told():
    factors = Symmetric(normal(1, 5, 2))
    with pytest.raises(InvalidInputError, match="stable below"):
        descend(factors, diagonal([1.0], 5), Population((5, 5)), 50.0, 300)
    with pytest.raises(InvalidInputError, match="eta=0"):
        descend(factors, diagonal([1.0], 5), Population((5, 5)), 0.0, 3)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_recovery_of_a_matrix_of_unknown_rank(method, kind):
    truth = positive_semidefinite([4.0, 2.0], 8, np.random.default_rng(0))
    a = sensing(8, 8, 150)
    y = a.apply(truth)
    y = y.numpy() if kind == "numpy" else y
    slow = method in ("symmetric", "asymmetric")
    found = recover(y, a, 4, method=method, tolerance=3e-3 if slow else 1e-9)
    assert found.reason == "converged"
    assert type(found.matrix) is type(y)
    assert (found.rebalanced_at is not None) is (method == "one_step")
    worst = float(abs(torch.as_tensor(found.matrix) - truth).max())
    assert worst < (0.05 if slow else 1e-7)
    assert found.residuals[-1] < found.residuals[0]
    assert recover(y, a, 4, method=method, steps=3).reason == "steps"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"y": torch.zeros(30, dtype=torch.float64)}, "y is zero"),
        ({"y": torch.ones(29, dtype=torch.float64)}, "wanted"),
        ({"y": torch.ones(30, dtype=torch.int64)}, "Convert it first"),
        ({"y": torch.full((30,), float("nan"))}, "NaN"),
        ({"width": 0}, "width=0"),
        ({"width": 6}, "width=6"),
        ({"method": "newton"}, "allowed: one_step, asymmetric"),
        ({"method": "symmetric"}, "square matrices"),
        ({"alpha": 0.0}, "alpha=0"),
        ({"tolerance": 0.0}, "tolerance=0"),
        ({"steps": 0}, "steps=0"),
        ({"eta": 100.0}, "take a smaller one"),
        ({"eta": 0.0}, "eta=0.0; allowed"),
        ({"eta": float("nan")}, "eta=nan"),
        ({"beta": -1.0}, "beta=-1.0"),
        ({"trigger": 0.5}, "below 0.5"),
        ({"trigger": float("nan")}, "trigger=nan"),
        ({"alpha": float("nan")}, "alpha=nan"),
        ({"y": torch.ones(30)}, "convert one of them"),
    ],
)
def test_what_cannot_be_recovered_is_told(change, said):
    a = sensing(7, 5)
    y = a.apply(low_rank([1.0], 7, 5, np.random.default_rng(0)))
    settings = {"y": y, "sensing": a, "width": 2} | change
    with pytest.raises(InvalidInputError, match=said):
        recover(**settings)
