"""Rows split, and samples in rounds: what they keep in the mean, and where they end."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import InvalidInputError
from papers.sensitivity_sampling import families, laws
from papers.sensitivity_sampling.flattening import flatten
from papers.sensitivity_sampling.powers import power
from papers.sensitivity_sampling.recursive import (
    flattened,
    halved,
    root_leverage,
    root_leverage_halved,
)
from papers.sensitivity_sampling.sensitivities import sensitivities


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(rng(seed).standard_normal(shape))


@settings(max_examples=20, deadline=None)
@given(p=st.sampled_from([1.5, 3.0]), factor=st.sampled_from([1.0, 4.0]), seed=st.integers(0, 99))
def test_flattening(p, factor, seed):
    a = families.heavy_tailed(30, 3, rng(seed))
    before = sensitivities(a, p)
    flat = flatten(before.upper, factor)
    after = sensitivities(flat.rows(a, p), p)
    assert len(flat.index) <= (1 + 1 / factor) * 30
    assert after.total[1] == pytest.approx(before.total[1], rel=1e-6)
    assert float(after.lower.max()) <= factor * before.total[1] / 30 * (1 + 1e-7)
    torch.testing.assert_close(flat.spread(30), torch.ones(30).double())


@pytest.mark.parametrize("way", [halved, root_leverage_halved])
def test_rounds_keep_norms_and_the_number_of_rows(way):
    a, x = families.heavy_tailed(400, 3, rng()), normal(3, seed=1)
    samples = [way(a, 3.0, 60, rng(seed)) for seed in range(40)]
    norms = [float(power(one.rows(a, 3.0) @ x, 3.0).sum()) for one in samples]
    wanted = float(power(a @ x, 3.0).sum())
    assert abs(np.mean(norms) - wanted) < 4 * np.std(norms) / len(norms) ** 0.5
    # By independent coins, of a variance of at most 60, and sixty in the mean.
    sizes = [len(one.index) for one in samples]
    assert abs(np.mean(sizes) - 60) < 4 * (60 / len(sizes)) ** 0.5
    assert len(way(a, 3.0, 400, rng()).index) == 400


@pytest.mark.parametrize("way", [halved, root_leverage_halved])
def test_rounds_do_not_end_in_nothing(way):
    a = families.heavy_tailed(30, 3, rng())
    with pytest.raises(InvalidInputError, match=r"rows=1.*the rank, 3, or more"):
        way(a, 3.0, 1, rng())
    for seed in range(20):
        assert len(way(a, 3.0, 3, rng(seed)).index) <= 30
    with pytest.raises(InvalidInputError, match="budget=0"):
        halved(a, 3.0, 9, rng(), budget=0)


def test_halving_ends_within_its_budget():
    """S stays by the errors that were spent, and fewer rows than the budget allows are not left."""
    a = families.gaussian(1000, 2, rng())
    total = sensitivities(a, 3.0).total[1]
    first = laws.halving_error(total, 1000, 3.0)
    assert len(halved(a, 3.0, 20, rng(), budget=0.9 * first).index) == 1000
    sizes = [len(halved(a, 3.0, 20, rng(1), budget=k * first).index) for k in (1.1, 2.6, 6.0)]
    assert 1000 > sizes[0] > sizes[1] > sizes[2] > 20
    found = halved(a, 3.0, 20, rng(1), budget=2.6 * first)
    after = sensitivities(found.rows(a, 3.0), 3.0).total[1]
    assert abs(after / total - 1) < 2.6 * first


@pytest.mark.parametrize(("p", "alpha"), [(1.5, 0.2), (3.0, 0.2)])
def test_rounds_of_root_leverage_end_where_they_should(p, alpha):
    a = families.gaussian(2000, 3, rng())
    rounds = list(islice(root_leverage(a, p, alpha, rng()), 5))
    sizes = [len(one.index) for one, _ in rounds]
    assert sizes[-1] < 1.5 * laws.root_leverage_fixed_point(3, alpha, p)
    assert max(part for _, part in rounds) <= 1 + 1e-12
    if p < 2:
        assert sizes[0] > sizes[-1]


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(4, 60),
    d=st.integers(1, 4),
    p=st.sampled_from([1.0, 1.5, 2.0, 3.0, 4.0, 6.0]),
    seed=st.integers(0, 50),
)
def test_sums_of_root_leverage_scores_are_bound(n, d, p, seed):
    a = families.heavy_tailed(n, d, rng(seed))
    _, filled = next(root_leverage(a, p, 1e-6, rng()))
    assert filled <= 1 + 1e-12


@pytest.mark.parametrize(
    ("p", "alpha", "said"),
    [
        (0.5, 0.2, "allowed: 1 or more"),
        (1.5, 0.0, "alpha=0"),
        (1.5, float("nan"), "alpha=nan"),
        (1.5, 1000.0, "independent columns; choose less"),
    ],
)
def test_rounds_that_cannot_be_are_told(p, alpha, said):
    rounds = root_leverage(normal(30, 3), p, alpha, rng())
    with pytest.raises(InvalidInputError, match=said):
        list(islice(rounds, 4))


@pytest.mark.parametrize("leverage", [True, False])
def test_flattened_samples_are_right_in_the_mean(leverage):
    a, x = families.heavy_tailed(60, 3, rng()), normal(3, seed=1)
    s, draws = sensitivities(a, 4.0).upper, rng(3)
    wanted = float(power(a @ x, 4.0).sum())
    norms = [
        float(power(found.rows(a, 4.0) @ x, 4.0).sum())
        for found in (flattened(a, 4.0, 25, draws, scores=s, leverage=leverage) for _ in range(800))
    ]
    assert abs(np.mean(norms) - wanted) < 4 * np.std(norms) / len(norms) ** 0.5
