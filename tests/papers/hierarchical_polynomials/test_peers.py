"""Kernels, random features and peers against closed forms and scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from common.errors import InvalidInputError
from common.sketching.random_features import gaussian_features
from papers.hierarchical_polynomials import kernels
from papers.hierarchical_polynomials.models import Samples
from papers.hierarchical_polynomials.peers import (
    adam,
    one_step,
    three_layer,
    train_one_step,
    two_layer,
)
from papers.hierarchical_polynomials.targets import Link
from tests.papers.hierarchical_polynomials.made import generator, network, normal, problem


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

    def test_a_row_of_zeros_has_no_angle(self):
        x = torch.cat([torch.zeros(1, 6), torch.randn(3, 6, generator=generator())])
        matrix = kernels.arc_cosine(x, x)
        assert matrix.isfinite().all()
        assert not matrix[0].any()
        seen = Samples(x, torch.arange(4.0))
        assert kernels.errors(kernels.arc_cosine, seen, seen, [0.1])[0.1] < math.inf

    def test_features_are_ridge_regression(self):
        """Against padded least squares, in blocks."""
        seen, test = problem().halves(200)[0], problem().test(300)
        net = network(width=30)
        rows, n = net.features(seen.x), len(seen)
        padded = torch.cat([rows, math.sqrt(0.1 * n) * torch.eye(30).double()])
        u = torch.linalg.lstsq(padded, torch.cat([seen.y, torch.zeros(30)])).solution
        wanted = kernels.relative_error(net.features(test.x) @ u, test.y)
        found = kernels.feature_errors(net.features, seen, test, [0.1, 1e-30], block=64)
        assert found[0.1] == pytest.approx(wanted)
        alike = Samples(torch.ones(50, 8).double(), torch.arange(50.0).double())
        assert kernels.feature_errors(net.features, alike, alike, [1e-30]) == {1e-30: math.inf}

    def test_gaussian_features_tend_to_their_kernel(self):
        """What the random features of an end-to-end run are of: exp(-|x - y|^2 / (4 d))."""
        pairs = gaussian_features(20_000, 6, np.random.default_rng(0))
        x = normal(10, 6)
        z = pairs.apply(x / (2 * math.sqrt(6)))
        assert torch.allclose(z @ z.mT, kernels.gaussian(x, x), atol=0.03)

    def test_a_ridge_lost_in_rounding_says_infinity(self):
        seen = Samples(torch.ones(50, 4), torch.arange(50.0))
        assert kernels.errors(kernels.polynomial, seen, seen, [1e-30]) == {1e-30: math.inf}
        with pytest.raises(InvalidInputError, match="no ridges"):
            kernels.errors(kernels.polynomial, seen, seen, [])
        constant = Samples(torch.ones(5, 4), torch.ones(5))
        with pytest.raises(InvalidInputError, match="y of the test set is constant"):
            kernels.errors(kernels.polynomial, seen, constant)
        with pytest.raises(InvalidInputError, match="of the test set 3"):
            kernels.errors(kernels.polynomial, seen, Samples(torch.ones(5, 3), torch.arange(5.0)))


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

    def test_adam_refuses_a_constant(self):
        x = torch.randn(20, 4, generator=generator())
        constant = Samples(x, torch.ones(20))
        rest = {"rate": 1e-3, "batch": 5, "epochs": 1, "patience": 1, "generator": generator()}
        with pytest.raises(InvalidInputError, match="y of a half is constant"):
            adam(two_layer(4, 8, generator()), constant, constant, **rest)
