"""Targets, both stages, kernels and peers against closed forms and slow references."""

from __future__ import annotations

import contextlib
import math
import unittest
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import InvalidInputError
from papers.hierarchical_polynomials import kernels
from papers.hierarchical_polynomials.models import (
    Samples,
    ThreeLayerNet,
    activation,
    moments_of,
    stage_one,
    stage_two,
    train,
)
from papers.hierarchical_polynomials.peers import (
    adam,
    one_step,
    three_layer,
    train_one_step,
    two_layer,
)
from papers.hierarchical_polynomials.problems import Problem, correlation
from papers.hierarchical_polynomials.ridge import cross_validated, ridge_path
from papers.hierarchical_polynomials.targets import (
    SHAPES,
    Feature,
    Link,
    Quadratic,
    correlation_limit,
    feature,
    kernel_floor,
    second_degree_correlation,
)
from papers.hierarchical_polynomials.tasks.sample_complexity import crossing

LINK = Link((0.0, 1.0, 1.0))
CPU = torch.device("cpu")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def problem(shape="balanced", size=8, degree=2, link=LINK, seed=0) -> Problem:
    return Problem(feature(shape, size, degree), link, size, seed, CPU)


def network(size=8, width=200, last=32, degree=2, seed=0, **others) -> ThreeLayerNet:
    return ThreeLayerNet(size, width, last, activation(degree), generator(seed), **others)


class TestTargets:
    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize("degree", [1, 2, 3])
    def test_mean_0_and_variance_1(self, shape, degree):
        p = feature(shape, 12, degree)(torch.randn(200_000, 12, generator=generator()).double())
        assert abs(float(p.mean())) < 0.02
        assert abs(float(p.var()) - 1) < 0.06

    def test_radial_is_a_function_of_the_norm_and_balanced_is_not(self):
        x = torch.randn(50, 8, generator=generator()).double()
        turned = x @ torch.linalg.qr(torch.randn(8, 8, generator=generator()).double())[0]
        radial, balanced = feature("radial", 8, 2), feature("balanced", 8, 2)
        assert torch.allclose(radial(x), (x.square().sum(1) - 8) / 4)
        assert torch.allclose(radial(x), radial(turned))
        assert not torch.allclose(balanced(x), balanced(turned), atol=0.1)

    def test_a_quadratic_of_a_diagonal_matrix_is_a_diagonal_feature(self):
        x = torch.randn(50, 8, generator=generator()).double()
        signs = torch.tensor([1.0, -1.0] * 4).double()
        assert torch.allclose(Quadratic(torch.diag(signs))(x), feature("balanced", 8, 2)(x))

    def test_products_take_coordinates_of_their_own(self):
        x = torch.randn(5, 7, generator=generator()).double()
        wanted = (x[:, 0] * x[:, 1] * x[:, 2] + x[:, 3] * x[:, 4] * x[:, 5]) / math.sqrt(2)
        assert torch.allclose(feature("product", 7, 3)(x), wanted)

    def test_the_link_has_the_mean_derivative_of_its_coefficient(self):
        z = torch.randn(10, generator=generator()).double().requires_grad_()
        LINK(z).sum().backward()
        assert torch.allclose(LINK(z), z + (z**2 - 1) / math.sqrt(2))
        assert torch.allclose(z.grad, 1 + math.sqrt(2) * z.detach())

    def test_closed_forms(self):
        assert correlation_limit(32) == pytest.approx(0.943, abs=1e-3)
        assert kernel_floor(16) == pytest.approx(0.474, abs=1e-3)
        assert kernel_floor(32) == pytest.approx(0.486, abs=1e-3)
        halves = second_degree_correlation(feature("halves", 16, 2).weights, 1.0)
        assert halves == pytest.approx(0.99677, abs=1e-5)
        # Balanced signs: the part of degree 2 is p and (2 / sqrt d) of the radial feature.
        balanced = second_degree_correlation(feature("balanced", 16, 2).weights, 1.0)
        assert balanced == pytest.approx(correlation_limit(16))

    @pytest.mark.parametrize(
        ("make", "said"),
        [
            (lambda: feature("cubes", 8, 2), "allowed: balanced"),
            (lambda: feature("product", 2, 3), "d=2 is too few"),
            (lambda: Feature(0, torch.ones(1)), "degree=0"),
            (lambda: Link((1.0, 0.0)), "is constant"),
            (lambda: Feature(2, torch.ones(3)), "sum to 3"),
            (lambda: feature("radial", 8, 2)(torch.zeros(3, 4)), "x has 4"),
        ],
    )
    def test_mistakes(self, make, said):
        with pytest.raises(InvalidInputError, match=said):
            make()


class TestProblem:
    def test_fewer_samples_are_the_first_of_more(self):
        target = problem()
        (few, few2), (many, many2) = target.halves(100), target.halves(400)
        assert torch.equal(few.x, many.x[:50])
        assert torch.equal(few2.y, many2.y[:50])
        assert not torch.equal(few.x, few2.x)
        assert not torch.equal(target.test(50).x, few.x)

    def test_correlation_of_a_constant(self):
        assert correlation(torch.ones(4), torch.arange(4.0)) == 0


class TestRidge:
    def test_blocks_of_rows_give_the_moments_of_all(self):
        net, (first, _) = network(), problem().halves(500)
        rows = net.features(first.x)
        found = moments_of(net, first, block=64)
        assert torch.allclose(found.squares, rows.mT @ rows)
        assert torch.allclose(found.products, rows.mT @ first.y)
        assert found.count == 250

    @settings(max_examples=10, deadline=None)
    @given(st.floats(1e-3, 10), st.integers(0, 5))
    def test_against_least_squares_with_rows_added(self, xi, seed):
        net, (first, _) = network(width=20, seed=seed), problem(seed=seed).halves(80)
        rows, n = net.features(first.x), len(first)
        padded = torch.cat([rows, math.sqrt(xi * n) * torch.eye(20).double()])
        wanted = torch.linalg.lstsq(padded, torch.cat([first.y, torch.zeros(20)])).solution
        assert torch.allclose(moments_of(net, first).ridge(xi), wanted, rtol=1e-7, atol=1e-9)
        assert torch.allclose(ridge_path(rows, first.y, [xi])[0], wanted, rtol=1e-7, atol=1e-9)

    def test_descent_reaches_it_at_the_rate_of_its_smallest_eigenvalue(self):
        net, (first, _) = network(width=30), problem().halves(200)
        moments = moments_of(net, first)
        eta = 1 / (moments.largest() + 1)
        solution = moments.ridge(1.0)
        found, steps = moments.descend(1.0, eta, 100_000, solution, 1e-8)
        assert float((found - solution).norm() / solution.norm()) <= 1e-8
        assert steps <= math.log(1e8) / (eta * 1.0)
        # Autograd's gradient of the loss is the step that is taken.
        u = torch.zeros(30, dtype=torch.float64, requires_grad=True)
        rows = net.features(first.x)
        ((rows @ u - first.y).square().mean() / 2 + u.square().sum() / 2).backward()
        once, _ = moments.descend(1.0, eta, 1, solution, 1e-8)
        assert torch.allclose(once, -eta * u.grad)

    def test_the_ridge_that_validates_best_is_found(self):
        rows = torch.randn(200, 5, generator=generator()).double()
        noise = torch.randn(200, generator=generator(1)).double()
        _, ridge = cross_validated(rows, noise, [1e-6, 1e3])
        assert ridge == 1e3
        found, ridge = cross_validated(rows, rows @ torch.arange(5.0).double(), [1e-6, 1e3])
        assert ridge == 1e-6
        assert torch.allclose(found, torch.arange(5.0).double(), atol=1e-3)

    def test_mistakes(self):
        net, (first, _) = network(width=30), problem().halves(20)
        moments = moments_of(net, first)
        with pytest.raises(InvalidInputError, match="above 0"):
            moments.ridge(0.0)
        with pytest.raises(InvalidInputError, match="lost in rounding"):
            moments.ridge(1e-30)
        with pytest.raises(InvalidInputError, match="stable below"):
            moments.descend(1.0, 2 / moments.largest(), 10, first.y, 0.1)
        with pytest.raises(InvalidInputError, match="3 rows; 5 folds"):
            cross_validated(first.x[:3], first.y[:3], [1.0])


class TestNetwork:
    def test_as_drawn(self):
        net = network(size=50, width=4000)
        x = torch.randn(20, 50, generator=generator(3)).double()
        assert torch.allclose(net.v.norm(dim=1), torch.tensor(0.5**0.5).double())
        assert abs(float((x @ net.v.mT + net.s).var()) - 1) < 0.1
        assert set(net.a.tolist()) == {-1.0, 1.0}
        assert net.b.abs().max() <= 3
        assert torch.equal(net(x), torch.zeros(20).double())

    def test_forward_is_its_formula(self):
        net, halves = network(), problem().halves(400)
        train(net, *halves)
        x = torch.randn(7, 8, generator=generator(5)).double()
        seen = x @ net.v.mT + net.s
        learnt = (seen + (seen**2 - 1) / math.sqrt(2)) @ net.u
        z = (learnt - net.mean) / net.deviation
        wanted = learnt + torch.relu(z[:, None] * net.a + net.b) @ net.c
        assert torch.allclose(net(x), wanted)
        assert torch.allclose(net.learnt(x, block=2), learnt)

    def test_its_state_holds_all_it_says(self):
        net, halves = network(), problem().halves(400)
        train(net, *halves)
        other = network(seed=9)
        other.load_state_dict(net.state_dict())
        x = halves[0].x
        assert torch.equal(other(x), net(x))

    def test_only_u_and_c_are_trained(self):
        net, halves = network(), problem().halves(400)
        before = {name: getattr(net, name).clone() for name in ("v", "s", "a", "b")}
        train(net, *halves)
        assert [name for name, _ in net.named_parameters()] == ["u", "c"]
        assert all(torch.equal(getattr(net, name), kept) for name, kept in before.items())

    def test_stage_one_sees_the_first_half_and_is_chosen_on_the_second(self):
        net, (first, second) = network(), problem().halves(400)
        ridge = stage_one(net, moments_of(net, first), [0.1, 1.0, 10.0], second)
        moments = moments_of(net, first)
        errors = {
            xi: float((net.features(second.x) @ moments.ridge(xi) - second.y).square().mean())
            for xi in (0.1, 1.0, 10.0)
        }
        assert ridge == min(errors, key=errors.get)
        assert torch.equal(net.u, moments.ridge(ridge))

    def test_float32(self):
        halves = problem().halves(400)
        single, double = network(dtype=torch.float32), network()
        double.load_state_dict(single.state_dict())
        train(single, *halves)
        train(double, *halves)
        assert single(halves[0].x).dtype == torch.float32
        x = problem().test(500).x
        assert correlation(single.learnt(x).detach().double(), double.learnt(x).detach()) > 1 - 1e-6

    def test_mistakes(self):
        with pytest.raises(InvalidInputError, match="m2=0"):
            network(width=0)
        with pytest.raises(InvalidInputError, match="radius=2"):
            network(radius=2.0)
        with pytest.raises(InvalidInputError, match="wanted: \\(n, d\\)"):
            Samples(torch.zeros(3), torch.zeros(3))
        with pytest.raises(InvalidInputError, match="NaN"):
            Samples(torch.full((3, 2), math.nan), torch.zeros(3))

    def test_a_constant_is_learnt_as_a_constant(self):
        x = torch.randn(100, 8, generator=generator()).double()
        for value in (0.0, 1.0):
            net, y = network(), torch.full((100,), value, dtype=torch.float64)
            train(net, Samples(x[:50], y[:50]), Samples(x[50:], y[50:]))
            assert (net(x) - value).abs().max() < 0.02


class TestWhatIsLearnt:
    """At a small size, what the theorems say of a large one."""

    def learnt(self, shape="balanced", samples=2048, link=LINK, degree=2, **others):
        target = problem(shape, 10, degree, link)
        net = network(10, 400, 64, **others)
        train(net, *target.halves(samples))
        test = target.test(4000)
        with torch.no_grad():
            return correlation(net.learnt(test.x), target.feature(test.x)), net

    def test_p_is_found_up_to_its_limit(self):
        found, _ = self.learnt(samples=20_000)
        assert correlation_limit(10) - 0.03 < found < correlation_limit(10) + 0.02

    def test_more_samples_find_more(self):
        found = [self.learnt(samples=n)[0] for n in (200, 800, 3200)]
        assert all(a < b for a, b in pairwise(found))

    def test_nothing_where_the_mean_derivative_is_0(self):
        assert abs(self.learnt(link=Link((0.0, 0.0, 1.0)))[0]) < 0.15

    def test_nothing_without_the_top_degree(self):
        target = problem(size=10)
        net = ThreeLayerNet(10, 400, 64, (0.0, 1.0), generator())
        train(net, *target.halves(2048))
        test = target.test(4000)
        assert abs(correlation(net.learnt(test.x), target.feature(test.x))) < 0.1

    def test_relu_without_a_shift_is_blind_to_degree_3(self):
        """Its odd Hermite coefficients above the first are 0."""
        target = problem("product", 6, 3, Link((0.0, 1.0)))
        found = {}
        for shift in (True, False):
            net = ThreeLayerNet(6, 1500, 8, "relu", generator(), radius=0.9, shift=shift)
            train(net, *target.halves(8000))
            test = target.test(4000)
            found[shift] = correlation(net.learnt(test.x), target.feature(test.x))
        assert found[True] > 0.5
        assert abs(found[False]) < 0.1

    def test_stage_two_learns_a_link_of_one_variable(self):
        z = torch.randn(1000, generator=generator()).double()
        net = network(last=256)
        stage_two(net, z[:500], LINK(z[:500]))
        said = z[500:] + net.last_features(z[500:]) @ net.c
        assert kernels.relative_error(said, LINK(z[500:])) < 0.01


class TestKernels:
    @pytest.mark.parametrize("name", sorted(kernels.KERNELS))
    def test_symmetric_and_positive(self, name):
        x = torch.randn(40, 6, generator=generator()).double()
        matrix = kernels.KERNELS[name](x, x)
        assert torch.allclose(matrix, matrix.mT)
        assert float(torch.linalg.eigvalsh(matrix)[0]) > -1e-9

    def test_formulas(self):
        x, y = torch.randn(2, 3, 6, generator=generator()).double()
        squares = torch.cdist(x, y).square()
        assert torch.allclose(kernels.gaussian(x, y), torch.exp(-squares / 24))
        assert torch.allclose(kernels.polynomial(x, y), (1 + x @ y.mT / 6) ** 4)

    def test_arc_cosine_is_the_mean_of_relu_features(self):
        """k(x, y) = 2 E relu(<w, x>) relu(<w, y>) / d."""
        x, y = torch.randn(2, 4, 6, generator=generator()).double()
        w = torch.randn(400_000, 6, generator=generator(1)).double()
        mean = torch.relu(x @ w.mT) @ torch.relu(w @ y.mT) * 2 / 6 / len(w)
        assert torch.allclose(kernels.arc_cosine(x, y), mean, atol=0.02)

    def test_against_scikit_learn(self):
        sk = pytest.importorskip("sklearn.kernel_ridge")
        target = problem()
        seen, test = target.halves(400)[0], target.test(200)
        wanted = sk.KernelRidge(alpha=0.1, kernel="rbf", gamma=1 / 32).fit(seen.x, seen.y)
        error = kernels.relative_error(torch.from_numpy(wanted.predict(test.x)), test.y)
        found = kernels.errors(kernels.gaussian, seen, test, [0.1])
        assert found[0.1] == pytest.approx(error, rel=1e-3)

    def test_a_ridge_lost_in_rounding_says_infinity(self):
        seen = Samples(torch.ones(50, 4), torch.arange(50.0))
        assert kernels.errors(kernels.polynomial, seen, seen, [1e-30]) == {1e-30: math.inf}
        with pytest.raises(InvalidInputError, match="no ridges"):
            kernels.errors(kernels.polynomial, seen, seen, [])


class TestPeers:
    def test_one_step_is_the_gradient_at_w_0(self):
        """Of f = a^T relu(W F(x) + b) with a_j = 1, b_j = 1, so that every row of it is alike."""
        net, (first, _) = network(width=30, skip=False), problem().halves(100)
        centred = first.y - first.y.mean()
        w = torch.zeros(1, 30, dtype=torch.float64, requires_grad=True)
        said = torch.relu(net.features(first.x) @ w.mT + 1)[:, 0] - 1
        ((said - centred).square().mean() / 2).backward()
        one_step(net, first)
        assert torch.allclose(net.u, -w.grad[0])

    def test_the_2023_network_learns_a_little(self):
        target = problem()
        net = network(width=200, skip=False)
        train_one_step(net, *target.halves(2000))
        test = target.test(2000)
        assert kernels.relative_error(net(test.x).detach(), test.y) < 1
        with pytest.raises(InvalidInputError, match="skip=False"):
            train_one_step(network(), *target.halves(100))
        constant = Samples(torch.randn(50, 8).double(), torch.ones(50).double())
        with pytest.raises(InvalidInputError, match="y is constant"):
            one_step(network(skip=False), constant)

    @pytest.mark.parametrize("make", [two_layer, three_layer])
    def test_adam_keeps_the_best_epoch(self, make):
        target = problem(size=4, link=Link((0.0, 1.0)))
        first, second = target.halves(800)
        common = {"rate": 3e-3, "batch": 50, "patience": 5}
        net, error = adam(
            make(4, 32, generator()), first, second, epochs=30, generator=generator(), **common
        )
        with torch.no_grad():
            again = kernels.relative_error(net(second.x).double(), second.y)
        assert error == pytest.approx(again, rel=1e-4)
        assert error < 0.6

    def test_crossing_is_interpolated_in_the_logarithm(self):
        values = np.array([0.1, 0.5, 0.9])
        assert crossing([100, 200, 400], values, 0.7) == pytest.approx(200 * math.sqrt(2))
        assert crossing([100, 200, 400], values, 0.1) == pytest.approx(100)


class TestEstimator:
    def test_scikit_learn_s_own_checks(self):
        checks = pytest.importorskip("sklearn.utils.estimator_checks")
        from papers.hierarchical_polynomials.estimator import ThreeLayerRegressor

        few = ThreeLayerRegressor(width=30, last_width=16)
        for estimator, check in checks.estimator_checks_generator(few):
            with contextlib.suppress(unittest.SkipTest):  # of array APIs that are not on
                check(estimator)

    def test_mistakes(self):
        pytest.importorskip("sklearn")
        from papers.hierarchical_polynomials.estimator import ThreeLayerRegressor

        x = np.random.default_rng(0).standard_normal((20, 3))
        with pytest.raises(InvalidInputError, match="n_samples=5"):
            ThreeLayerRegressor().fit(x[:5], x[:5, 0])
        with pytest.raises(InvalidInputError, match="degree=0"):
            ThreeLayerRegressor(degree=0).fit(x, x[:, 0])
