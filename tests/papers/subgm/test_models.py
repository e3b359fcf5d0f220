"""The start, the step, losses and rules against definitions; the solver; what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import InvalidInputError
from common.recovery.ground_truth import positive_semidefinite
from common.recovery.sensing import Dense, Packed, gaussian
from papers.subgm.losses import Absolute, Huber, Squared
from papers.subgm.models import batch, follow, iterates, random_start, spectral_start
from papers.subgm.optimizer import SubGM
from papers.subgm.problem import Noise, draw
from papers.subgm.recover import robust_recover
from papers.subgm.sign_rip import NOISELESS, delta, direction, phi
from papers.subgm.steps import Decaying, Proportional, default_rho, steps_to


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def problem(m: int = 200, size: int = 8, rank: int = 2, noise: Noise | None = None, seed: int = 0):
    return draw(size, [1.0] * rank, m, noise or Noise(), rng(seed))


@settings(max_examples=20, deadline=None)
@given(size=st.integers(1, 6), m=st.integers(1, 20), runs=st.integers(1, 3))
def test_packed_measurements_are_those_of_the_symmetric_parts(size, m, runs):
    draws = rng(size + 10 * m)
    dense = gaussian(m, (size, size), draws, 1.0)
    packed = Packed(dense)
    root = torch.from_numpy(draws.standard_normal((runs, size, size)))
    matrix, z = root + root.mT, torch.from_numpy(draws.standard_normal((runs, m)))
    torch.testing.assert_close(packed.apply(matrix), dense.apply(matrix))
    torch.testing.assert_close(packed.adjoint(z), dense.symmetrised().adjoint(z))
    one, other = (packed.apply(matrix) * z).sum(-1), (matrix * packed.adjoint(z)).sum((-2, -1))
    torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("loss", [Absolute(), Squared(), Huber(0.3)])
def test_directions_are_gradients(loss):
    """2 Q(U) U is the gradient of f(U), by autograd, A_i not symmetric."""
    dense = gaussian(30, (5, 5), rng(), 1.0)
    y = torch.from_numpy(rng(1).standard_normal(30))
    u = torch.from_numpy(rng(2).standard_normal((1, 5, 3))).requires_grad_()
    residual = dense.apply(u @ u.mT) - y
    loss.value(residual).sum().backward()
    q = Packed(dense).adjoint(loss.weights(residual.detach())) / 30
    torch.testing.assert_close(u.grad, 2 * q @ u.detach())


def test_losses_by_hand():
    residual = torch.tensor([[-2.0, 0.0, 0.05]], dtype=torch.float64)
    assert float(Absolute().value(residual)) == pytest.approx(2.05 / 3)
    assert Absolute().weights(residual).tolist() == [[-1.0, 0.0, 1.0]]
    assert float(Squared().value(residual)) == pytest.approx((4 + 0.0025) / 6)
    huber = Huber(0.1)
    assert float(huber.value(residual)) == pytest.approx((2 + 0.05 + 0.0125 + 0.05) / 3)
    torch.testing.assert_close(
        huber.weights(residual), torch.tensor([[-1.0, 0.0, 0.5]], dtype=torch.float64)
    )


def test_the_spectral_start_by_its_definition():
    given_ = problem()
    c = given_.sensing.adjoint(given_.y.sign()[None])[0] / 200
    values, vectors = torch.linalg.eigh(c)
    start = spectral_start(given_.y, given_.sensing, 8, 0.1)
    expected = 0.01 * (vectors * values.clamp(min=0)) @ vectors.mT
    torch.testing.assert_close(start @ start.mT, expected)
    assert torch.equal(spectral_start(given_.y, given_.sensing, 3, 0.1), start[:, :3])
    empty = start.norm(dim=0) == 0
    assert 0 < int(empty.sum()) < 8


def test_a_turned_sign_is_told():
    """One sign error makes the start zero, and nothing would move."""
    truth = torch.eye(4, dtype=torch.float64)
    sensing = Packed(gaussian(4000, (4, 4), rng(), 1.0))
    y = sensing.apply(truth)
    with pytest.raises(InvalidInputError, match="its sign turned"):
        spectral_start(-y, sensing, 2, 0.1)


def test_steps_of_both_rules():
    q = torch.diag(torch.tensor([3.0, -4.0], dtype=torch.float64))[None]
    loss = torch.tensor([0.5], dtype=torch.float64)
    assert float(Proportional(0.2).eta(7, loss, q)) == pytest.approx(math.pi / 2 * 0.2 * 0.5)
    for norm, size in (("spectral", 4.0), ("frobenius", 5.0), ("none", 1.0)):
        eta = Decaying(0.2, 0.5, norm).eta(3, loss, q)
        assert float(eta) == pytest.approx(0.2 * 0.125 / size)
    assert float(Decaying(0.2).eta(0, loss, torch.zeros_like(q))) == 0
    assert default_rho(1e-4) == pytest.approx(0.98643, abs=1e-5)
    assert steps_to(1e-7, default_rho(1e-4)) == 1179


def test_a_step_by_hand_and_a_batch_is_its_runs():
    given_ = problem()
    starts = [spectral_start(given_.y, given_.sensing, k, a) for k, a in ((2, 0.1), (5, 0.01))]
    rule = Decaying(0.25, 0.9)
    together = follow(batch(starts), given_.y, given_.sensing, rule, 20, given_.truth)
    for i, start in enumerate(starts):
        alone = follow(start[None], given_.y, given_.sensing, rule, 20, given_.truth)
        np.testing.assert_allclose(together.errors[:, i], alone.errors[:, 0], rtol=1e-9)
    u = starts[0].clone()
    for t in range(20):
        residual = given_.sensing.apply(u @ u.mT) - given_.y
        q = given_.sensing.adjoint(residual.sign()) / 200
        u = u - 0.25 * 0.9**t / torch.linalg.matrix_norm(q, 2) * q @ u
    torch.testing.assert_close(together.u[0, :, :2], u)
    assert together.u[0, :, 2:].abs().max() == 0
    assert together.best[0] == together.errors[:, 0].min()


def test_the_optimiser_takes_the_same_steps():
    given_ = problem()
    start = spectral_start(given_.y, given_.sensing, 3, 0.1)
    for rho, rule in ((0.9, Decaying(0.25, 0.9)), (None, Proportional(0.25))):
        u = torch.nn.Parameter(start.clone())
        optimiser = SubGM([u], rho=rho)

        def closure(u=u):
            residual = given_.sensing.apply(u @ u.mT) - given_.y
            return residual.abs().mean(), given_.sensing.adjoint(residual.sign()) / 200

        for _ in range(10):
            optimiser.step(closure)
        expected = follow(start[None], given_.y, given_.sensing, rule, 10, given_.truth).u[0]
        torch.testing.assert_close(u.detach(), expected)
    saved = optimiser.state_dict()
    assert saved["param_groups"][0]["t"] == 10
    with pytest.raises(InvalidInputError, match="allowed: one matrix"):
        SubGM([torch.nn.Parameter(torch.zeros(2))])


def test_the_optimiser_s_closure_may_differentiate():
    """Q from autograd: of f(U) = g(U U^T) it is the gradient of g, symmetric."""
    u = torch.nn.Parameter(torch.from_numpy(rng(4).standard_normal((4, 2))))
    before = u.detach().clone()
    optimiser = SubGM([u], rho=None)

    def closure():
        product = (u @ u.mT).detach().requires_grad_()
        loss = (product - 1).square().mean()
        (q,) = torch.autograd.grad(loss, product)
        return (u @ u.mT - 1).square().mean(), q

    loss = optimiser.step(closure)
    assert not loss.requires_grad
    q = (before @ before.mT - 1) / 8
    wanted = before - 0.25 * math.pi / 2 * loss * (q @ before)
    torch.testing.assert_close(u.detach(), wanted)


def test_phi_by_quadrature():
    """sqrt(2 / pi) E exp(-s^2 / (2 a^2)) over the noise."""
    a = 0.7
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()
    for deviation in (0.3, 1.0):
        mean = float((weights * np.exp(-((deviation * nodes) ** 2) / (2 * a * a))).sum())
        outliers = Noise(0.4, deviation)
        assert phi(a, outliers) == pytest.approx(NOISELESS * (0.6 + 0.4 * mean), rel=1e-6)
        assert phi(a, Noise(deviation=deviation)) == pytest.approx(NOISELESS * mean, rel=1e-6)
    assert phi(a, Noise()) == NOISELESS


def test_delta_is_zero_of_the_mean_itself():
    x = positive_semidefinite([1.0, 0.5], 6, rng())
    q = 0.7 * x / x.norm()
    assert delta(x, q, 0.7, 3) < 1e-12
    given_ = problem(m=20_000, size=6)
    found = direction(given_.truth, given_.sensing, given_.noise)
    torch.testing.assert_close(found, found.mT)
    assert delta(given_.truth, found, NOISELESS, 4) < 3 * math.sqrt(24 / 20_000)


def test_draws_are_in_the_order_that_is_stated():
    noise, draws = Noise(0.25, 10.0, 0.5), rng(3)
    given_ = draw(5, [1.0], 40, noise, rng(3))
    truth = positive_semidefinite([1.0], 5, draws)
    a = draws.standard_normal((40, 5, 5))
    s = np.zeros(40)
    places = draws.choice(40, 10, replace=False)
    s[places] = 10 * draws.standard_normal(10)
    s += 0.5 * draws.standard_normal(40)
    torch.testing.assert_close(given_.truth, truth)
    np.testing.assert_allclose(given_.noise.numpy(), s)
    y = np.einsum("mij,ij->m", a, truth.numpy()) + s
    np.testing.assert_allclose(given_.y.numpy(), y)


@pytest.mark.parametrize("scale", [1.0, 50.0, 1e-3])
@pytest.mark.parametrize("corrupted", [False, True])
def test_the_solver_whatever_the_size_of_the_matrix(scale, corrupted):
    noise = Noise(0.2, 10 * scale) if corrupted else Noise()
    given_ = draw(8, [scale, scale], 400, noise, rng())
    found = robust_recover(given_.y, given_.sensing, 4, corrupted=corrupted)
    error = float((found.matrix - given_.truth).norm()) / scale
    assert error < (1e-2 if corrupted else 1e-4)
    assert len(found.losses) > found.chosen >= 0


def test_the_solver_ends_at_rounding_and_keeps_the_kind_of_its_input():
    given_ = problem(400)
    dense = gaussian(400, (8, 8), rng(5), 1.0)
    y = dense.apply(given_.truth)
    found = robust_recover(y.numpy(), dense, 2, corrupted=False)
    assert (found.reason, type(found.matrix)) == ("exact", np.ndarray)
    single = Dense(dense.rows.float().unflatten(-1, (8, 8)))
    found = robust_recover(y.float(), single, 2, corrupted=False)
    assert (found.matrix.dtype, found.reason) == (torch.float32, "exact")


def test_measurements_kept_apart_choose_an_iterate():
    given_ = problem(90, noise=Noise(deviation=0.5))
    last = robust_recover(given_.y, given_.sensing, 8, rho=0.998, steps=3000)
    chosen = robust_recover(given_.y, given_.sensing, 8, rho=0.998, steps=3000, held_out=0.2)
    assert len(chosen.held_out) == len(chosen.losses)
    assert chosen.held_out[chosen.chosen] == min(chosen.held_out)
    assert chosen.chosen < last.chosen == 3000
    assert (chosen.matrix - given_.truth).norm() < (last.matrix - given_.truth).norm()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda p: robust_recover(p.y[:-1], p.sensing, 2), "y of shape"),
        (lambda p: robust_recover(p.y * math.nan, p.sensing, 2), "NaN"),
        (lambda p: robust_recover(p.y.long(), p.sensing, 2), "allowed: float32 or float64"),
        (lambda p: robust_recover(0 * p.y, p.sensing, 2), "half of y is zero"),
        (lambda p: robust_recover(p.y, p.sensing, 9), "allowed: 1 to 8"),
        (lambda p: robust_recover(p.y, p.sensing, 2, alpha=1.0), "alpha=1.0"),
        (lambda p: robust_recover(p.y, p.sensing, 2, eta0=0.0), "eta0=0.0"),
        (lambda p: robust_recover(p.y, p.sensing, 2, rho=1.5), "rho=1.5"),
        (lambda p: robust_recover(p.y, p.sensing, 2, held_out=1.0), "held_out=1.0"),
        (lambda p: robust_recover(p.y, p.sensing, 2, steps=0), "steps=0"),
        (lambda p: Decaying(norm="nuclear"), "norm='nuclear'"),
        (lambda p: Noise(fraction=1.5), "fraction"),
        (lambda p: Noise(size=math.nan), "finite"),
        (lambda p: Noise(deviation=math.inf), "finite"),
        (lambda p: spectral_start(p.y, p.sensing, 2.5, 1e-3), "width=2.5"),
        (lambda p: spectral_start(p.y, p.sensing, 2, math.inf), "alpha=inf"),
        (lambda p: spectral_start(p.y * math.nan, p.sensing, 2, 1e-3), "y holds NaN"),
        (lambda p: Huber(0.0), "width=0.0"),
        (lambda p: Packed(gaussian(3, (2, 3), rng())), "no symmetric part"),
    ],
)
def test_mistakes_are_told(call, said):
    with pytest.raises(InvalidInputError, match=said):
        call(problem())


def test_a_step_that_is_too_long_is_told():
    given_ = problem()
    start = 9 * random_start(8, 4, 1.0, rng())
    with pytest.raises(InvalidInputError, match="smaller eta0"):
        for _ in iterates(start[None], given_.y, given_.sensing, Proportional(90.0), 300):
            pass


def test_the_convex_reference_finds_the_truth():
    pytest.importorskip("cvxpy")
    from papers.subgm.convex import recover_convex

    given_ = problem(120, 5, 1, Noise(0.1, 10.0))
    found = recover_convex(given_.y.numpy(), given_.sensing, 0.0)
    assert np.linalg.norm(found - given_.truth.numpy()) < 1e-5
    with pytest.raises(InvalidInputError, match="at most 15"):
        recover_convex(np.zeros(3), Packed(gaussian(3, (16, 16), rng())), 0.0)


class TestDoors:
    """What the solver refuses, and what stays apart."""

    def given(self, measurements=200, size=6):
        return draw(size, [1.0, 0.5], measurements, Noise(), np.random.default_rng(0))

    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ({"rho": 1.0}, "how many steps"),
            ({"alpha": 0.9}, "below 0.882"),
            ({"held_out": 0.9999999}, "leaves none"),
            ({"held_out": 1e-9}, "leaves all"),
            ({"eta0": 50.0, "corrupted": False, "steps": 100}, "take a smaller eta0"),
        ],
    )
    def test_settings(self, settings, said):
        problem = self.given()
        with pytest.raises(InvalidInputError, match=said):
            robust_recover(problem.y, problem.sensing, 3, **settings)

    def test_types_and_numbers(self):
        problem = self.given()
        with pytest.raises(InvalidInputError, match="Convert one of them"):
            robust_recover(problem.y.float(), problem.sensing, 3)
        broken = Dense(torch.full((200, 6, 6), math.nan, dtype=torch.float64))
        with pytest.raises(InvalidInputError, match="A holds NaN"):
            robust_recover(problem.y, broken, 3)

    def test_measurements_kept_apart_do_nothing_but_choose(self):
        """Whatever they are, the iterates are the same."""
        problem = self.given()
        y = problem.y
        first = robust_recover(y, problem.sensing, 3, held_out=0.2, steps=50)
        drawn = torch.rand(len(y), generator=torch.Generator().manual_seed(0)) < 0.2
        other = torch.where(drawn, 1e6 * torch.ones_like(y), y)
        second = robust_recover(other, problem.sensing, 3, held_out=0.2, steps=50)
        assert first.losses == second.losses

    def test_matrices_that_are_not_symmetric_act_by_their_symmetric_parts(self):
        rng = np.random.default_rng(0)
        dense = gaussian(200, (6, 6), rng, 1.0)
        problem = self.given()
        y = dense.apply(problem.truth)
        start = spectral_start(y, dense, 3, 1e-2)[None]
        whole = follow(start, y, dense, Decaying(), 40, problem.truth)
        packed = follow(start, y, Packed(dense), Decaying(), 40, problem.truth)
        np.testing.assert_allclose(whole.errors, packed.errors, atol=1e-10)

    def test_fractions_are_rounded(self):
        for fraction, count in ((0.29, 29), (0.57, 57)):
            noise = Noise(fraction).draw(100, np.random.default_rng(0))
            assert int((noise != 0).sum()) == count
