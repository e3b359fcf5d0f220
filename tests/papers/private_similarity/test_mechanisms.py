"""Noise: its law, its budget, and OpenDP as an oracle of both."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from common.errors import InvalidInputError, UserError
from papers.private_similarity.mechanisms import DiscreteLaplace, Gaussian, Laplace
from papers.private_similarity.simulation import NoNoise, Simulation

ZEROS = torch.zeros(20_000, dtype=torch.float64)


@pytest.mark.parametrize("neighbors", ["add_remove", "replace"])
@pytest.mark.parametrize("kind", [Laplace, DiscreteLaplace, Gaussian])
def test_the_deviation_is_that_of_the_noise(kind, neighbors):
    mechanism = kind(0.8, Simulation(0), neighbors)
    noise = mechanism.release(ZEROS, 3.0)
    assert float(noise.std()) == pytest.approx(mechanism.deviation(3.0), rel=0.05)
    assert float(noise.mean()) == pytest.approx(0, abs=0.1 * mechanism.deviation(3.0))


def test_laplace_noise_is_laplace():
    noise = Laplace(2.0, Simulation(3)).release(ZEROS, 1.0).numpy()
    assert stats.kstest(noise, "laplace", args=(0, 0.5)).pvalue > 0.01
    whole = DiscreteLaplace(2.0, Simulation(3)).release(ZEROS, 1.0).numpy()
    law = math.tanh(0.5 * 2.0)  # (1 - r) / (1 + r), r = exp(-epsilon)
    assert (whole == 0).mean() == pytest.approx(law, abs=0.02)


def test_shares_add_up():
    assert Laplace(2.0, Simulation(0)).share(0.25).epsilon == 0.5
    assert Gaussian(2.0, Simulation(0)).share(0.25).rho == 0.5
    assert NoNoise().share(0.1).deviation(1.0) == 0


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 8.0])
def test_gaussian_noise_meets_delta(epsilon):
    """By the integral of the privacy loss, which is normal."""
    delta = 1e-5
    sigma = Gaussian.of(epsilon, delta, Simulation(0)).deviation(1.0)
    mu = 1 / sigma
    grid = np.linspace(-10, 10, 400_001)
    loss = mu * grid + mu**2 / 2
    over = np.maximum(0, 1 - np.exp(epsilon - loss))
    assert np.trapezoid(over * stats.norm.pdf(grid), grid) == pytest.approx(delta, rel=1e-3)


def test_the_kind_of_numbers_stays():
    values = torch.zeros(2, 3, dtype=torch.float32)
    found = Laplace(1.0, Simulation(0)).release(values, 1.0)
    assert found.shape == (2, 3)
    assert found.dtype == torch.float64
    again = Laplace(1.0, Simulation(0)).release(values, 1.0)
    torch.testing.assert_close(found, again, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: Laplace(0.0, Simulation(0)), "epsilon=0.0"),
        (lambda: Laplace(-1.0, Simulation(0)), "epsilon=-1.0"),
        (lambda: Laplace(math.nan, Simulation(0)), "epsilon=nan"),
        (lambda: Laplace(math.inf, Simulation(0)), "epsilon=inf"),
        (lambda: Gaussian(0.0, Simulation(0)), "rho=0.0"),
        (lambda: Gaussian.of(0.0, 1e-5, Simulation(0)), "epsilon=0.0"),
        (lambda: Gaussian.of(1.0, 0.0, Simulation(0)), "delta=0.0"),
        (lambda: Laplace(1.0, Simulation(0), "swap"), "neighbors='swap'"),
        (lambda: Laplace(1.0, Simulation(0)).share(0.0), "a share of 0.0"),
        (lambda: Laplace(1.0, Simulation(0)).release(ZEROS, 0.0), "sensitivity=0.0"),
        (lambda: DiscreteLaplace(1.0, Simulation(0)).release(ZEROS + 0.5, 1.0), "whole numbers"),
    ],
)
def test_what_cannot_be_is_told(call, said):
    with pytest.raises(InvalidInputError, match=said):
        call()


def test_a_missing_library_is_named(monkeypatch):
    import sys

    from papers.private_similarity.opendp_backend import OpenDP

    monkeypatch.setitem(sys.modules, "opendp.prelude", None)
    with pytest.raises(UserError, match=r"structlab\[privacy\]"):
        OpenDP()


class TestOpenDP:
    @pytest.fixture(autouse=True)
    def needs(self):
        pytest.importorskip("opendp")

    def test_noise_has_the_law_of_the_simulation(self):
        from papers.private_similarity.opendp_backend import OpenDP

        values = torch.zeros(3000, dtype=torch.float64)
        for kind in (Laplace, DiscreteLaplace, Gaussian):
            mechanism = kind(0.5, OpenDP())
            noise = mechanism.release(values, 2.0).numpy()
            assert noise.std() == pytest.approx(mechanism.deviation(2.0), rel=0.15)
            same = kind(0.5, Simulation(1)).release(values, 2.0).numpy()
            assert stats.ks_2samp(noise, same).pvalue > 1e-4
            assert mechanism.backend.private
            assert mechanism.backend.drawn == 3000

    def test_its_privacy_map_agrees_on_the_budget(self):
        """Whatever scale a mechanism takes, OpenDP charges the epsilon or rho asked for."""
        import opendp.prelude as dp

        dp.enable_features("contrib")
        atoms = dp.vector_domain(dp.atom_domain(T=float, nan=False))
        scale = Laplace(0.3, Simulation(0)).scale(11.0)
        laplace = dp.m.make_laplace(atoms, dp.l1_distance(T=float), scale=scale)
        assert laplace.map(11.0) == pytest.approx(0.3)
        deviation = Gaussian(0.3, Simulation(0)).deviation(11.0**0.5)
        gaussian = dp.m.make_gaussian(atoms, dp.l2_distance(T=float), scale=deviation)
        assert gaussian.map(11.0**0.5) == pytest.approx(0.3)

    def test_its_trees_are_ours(self):
        import opendp.prelude as dp

        from papers.private_similarity.consistency import consistent
        from papers.private_similarity.trees import CountTrees

        dp.enable_features("contrib")
        counts = np.random.default_rng(0).integers(0, 9, 8)
        theirs = dp.t.make_b_ary_tree(
            dp.vector_domain(dp.atom_domain(T=int)),
            dp.l1_distance(T=int),
            leaf_count=8,
            branching_factor=2,
        )
        trees = CountTrees.above(torch.from_numpy(counts).double()[None], 3, 2)
        found = torch.cat(trees.levels[::-1], 1)[0]
        assert found.tolist() == theirs(counts.tolist())
        assert theirs.map(1) == trees.touched
        noisy = found + torch.from_numpy(np.random.default_rng(1).integers(-5, 6, 15))
        levels = noisy.split([1, 2, 4, 8])[::-1]
        again = CountTrees(tuple(level[None] for level in levels), 2)
        mended = dp.t.make_consistent_b_ary_tree(branching_factor=2)(noisy.int().tolist())
        np.testing.assert_allclose(consistent(again).counts[0], mended, atol=1e-9)
