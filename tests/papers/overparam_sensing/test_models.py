"""Steps against autograd, and the one that rescales; starts; what is told of a run that fails."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import InvalidInputError
from common.recovery.ground_truth import diagonal, low_rank, positive_semidefinite
from common.recovery.sensing import Population, gaussian
from papers.overparam_sensing.models import (
    Alternating,
    Asymmetric,
    Preconditioned,
    Start,
    Symmetric,
    descend,
    rebalance,
)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


def same(found: torch.Tensor, wanted: torch.Tensor) -> None:
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
    same(factors.x, x.detach() - 0.1 * x.grad)


@settings(max_examples=20, deadline=None)
@given(rows=st.integers(1, 6), columns=st.integers(1, 6), k=st.integers(1, 4))
def test_asymmetric_steps_are_those_of_the_loss(rows, columns, k):
    a, truth = sensing(rows, columns), low_rank([1.0], rows, columns, np.random.default_rng(k))
    f, g = (normal(2, n, k, seed=n).requires_grad_() for n in (rows, columns))
    (a.apply(f @ g.mT - truth).square().sum() / 2).backward()
    factors = Asymmetric(f.detach().clone(), g.detach().clone())
    factors.step(a.normal(factors.product() - truth), 0.1)
    same(factors.f, f.detach() - 0.1 * f.grad)
    same(factors.g, g.detach() - 0.1 * g.grad)


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
    for beta in (0.0, float("nan"), float("inf")):
        with pytest.raises(InvalidInputError, match="allowed: above 0"):
            rebalance(factors, beta)
    for value in (0.0, float("nan")):
        f[1] = value  # one run of the batch
        with pytest.raises(InvalidInputError, match="F is zero, or not finite"):
            rebalance(Asymmetric(f, g), 0.7)


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


def test_steps_that_diverge_are_told():
    factors = Symmetric(normal(1, 5, 2))
    with pytest.raises(InvalidInputError, match="stable below"):
        descend(factors, diagonal([1.0], 5), Population((5, 5)), 50.0, 300)
    with pytest.raises(InvalidInputError, match="eta=0"):
        descend(factors, diagonal([1.0], 5), Population((5, 5)), 0.0, 3)
