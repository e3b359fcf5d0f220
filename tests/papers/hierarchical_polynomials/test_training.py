"""Ridge regression, its descent and both stages against slow references."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import InvalidInputError
from papers.hierarchical_polynomials.choices import RIDGES
from papers.hierarchical_polynomials.models import Samples
from papers.hierarchical_polynomials.ridge import cross_validated, ridge_path
from papers.hierarchical_polynomials.training import (
    Solver,
    moments_of,
    stage_one,
    stage_one_shared,
    train,
    train_shared,
)
from tests.papers.hierarchical_polynomials.made import generator, network, normal, problem


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

    def test_moments_without_some_rows(self):
        net, (first, second) = network(width=20), problem().halves(100)
        kept = moments_of(net, first + second) - moments_of(net, second)
        wanted = moments_of(net, first)
        assert kept.count == 50
        assert torch.allclose(kept.squares, wanted.squares)
        assert torch.allclose(kept.products, wanted.products)

    def test_descent_without_its_aim_ends_near_it(self):
        net, (first, _) = network(width=30), problem().halves(200)
        moments = moments_of(net, first)
        solution = moments.ridge(1.0)
        found = moments.descent(1.0, 100_000, relative=1e-7)
        assert float((found - solution).norm() / found.norm()) <= 1e-7
        once = moments.descent(1.0, 1)
        assert torch.allclose(once, moments.products / moments.count / (moments.largest() + 1))

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
        for ridges, said in (([], "no ridges"), ([-1.0], "above 0"), ([math.nan], "above 0")):
            with pytest.raises(InvalidInputError, match=said):
                cross_validated(first.x, first.y, ridges)


class TestSolvers:
    def test_descent_ends_at_the_network_of_the_closed_form(self):
        """Both stages, and as many samples and ridges for both."""
        halves, nets = problem(size=6).halves(400), {}
        for name in ("ridge", "descent"):
            nets[name] = network(6, 40, 16)
            train(nets[name], *halves, [1.0, 3.0], [0.01, 0.1], Solver(name, 50_000))
        x = problem(size=6).test(500).x
        said, wanted = nets["descent"](x).detach(), nets["ridge"](x).detach()
        assert torch.allclose(nets["descent"].u, nets["ridge"].u, rtol=1e-4, atol=1e-5)
        assert float((said - wanted).norm() / wanted.norm()) < 1e-3

    def test_few_steps_stop_early(self):
        halves = problem().halves(400)
        few, whole = network(), network()
        train(few, *halves, [0.01], solver=Solver("descent", 3))
        train(whole, *halves, [0.01])
        assert few.u.detach().norm() < 0.5 * whole.u.detach().norm()

    def test_mistakes(self):
        with pytest.raises(InvalidInputError, match="solver='adam'; allowed: ridge, descent"):
            Solver("adam")
        with pytest.raises(InvalidInputError, match="steps=0"):
            Solver("descent", 0)


class TestShared:
    def test_the_ridge_is_validated_and_the_solution_of_all_rows(self):
        net, (first, _) = network(width=40), problem().halves(400)
        ridge = stage_one_shared(net, first, RIDGES)
        rows, errors = net.features(first.x), []
        for xi in RIDGES:
            error = 0.0
            for fold in range(5):
                out = torch.arange(len(first)) % 5 == fold
                u = ridge_path(rows[~out], first.y[~out], [xi])[0]
                error += float((rows[out] @ u - first.y[out]).square().sum())
            errors.append(error)
        assert ridge == RIDGES[int(np.argmin(errors))]
        assert torch.allclose(net.u, moments_of(net, first).ridge(ridge))
        assert float(net.mean) == pytest.approx(float(net.learnt(first.x).detach().mean()))

    def test_noise_is_not_fitted(self):
        """On its own rows the smallest ridge does best; by validation the largest."""
        x, y = normal(200, 8), normal(200, 1, seed=1)[:, 0]
        net = network()
        assert train_shared(net, Samples(x, y), [0.01, 100.0]).ridge == 100
        assert stage_one(net, moments_of(net, Samples(x, y)), [0.01, 100.0], Samples(x, y)) == 0.01

    def test_mistakes(self):
        few = problem().halves(8)[0]
        with pytest.raises(InvalidInputError, match="4 rows; 5 folds"):
            train_shared(network(), few)


@pytest.mark.parametrize(
    ("ridges", "last_ridges", "said"),
    [
        ([], [0.1], "no ridges"),
        ([1.0], [], "no last_ridges"),
        ([1.0], [-1.0], "last_ridges=\\[-1.0\\]; allowed: finite and above 0"),
        ([math.inf], [0.1], "ridges=\\[inf\\]"),
    ],
)
def test_grids_that_are_refused(ridges, last_ridges, said):
    with pytest.raises(InvalidInputError, match=said):
        train(network(), *problem().halves(100), ridges, last_ridges)
