"""Sketches are isometries in the mean; the transform and the scores, against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import hadamard as hadamard_matrix

from common.errors import InvalidInputError
from common.kernels.hadamard import walsh_hadamard
from common.sketching.leverage import incoherence, leverage_scores
from common.sketching.sketches import KINDS, count, hadamard, very_sparse


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(rng(seed).standard_normal(shape))


@settings(max_examples=20, deadline=None)
@given(power=st.integers(0, 6), rows=st.integers(1, 3))
def test_the_transform_is_the_matrix(power, rows):
    x = normal(rows, 2**power)
    matrix = torch.from_numpy(hadamard_matrix(2**power) / 2 ** (power / 2))
    torch.testing.assert_close(walsh_hadamard(x), x @ matrix)
    torch.testing.assert_close(walsh_hadamard(walsh_hadamard(x)), x)


@pytest.mark.parametrize("kind", KINDS)
def test_isometries_in_the_mean(kind):
    x = normal(50, 1)
    draws = rng(1)
    lengths = [
        float(KINDS[kind](8, 50, draws).apply(x).square().sum() / x.square().sum())
        for _ in range(3000)
    ]
    error = np.std(lengths) / len(lengths) ** 0.5
    assert abs(np.mean(lengths) - 1) < 4 * error


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_is_its_matrices(kind):
    sketch, batch = KINDS[kind](5, 13, rng()), normal(2, 3, 13, 4)
    together = sketch.apply(batch)
    assert together.shape == (2, 3, 5, 4)
    torch.testing.assert_close(together[1, 2], sketch.apply(batch[1, 2]))
    single = sketch.apply(batch.float())
    torch.testing.assert_close(single.double(), together, rtol=1e-4, atol=1e-4)


def test_a_whole_transform_is_an_isometry():
    x = normal(16, 3)
    torch.testing.assert_close(hadamard(16, 16, rng()).apply(x).norm(dim=0), x.norm(dim=0))


def test_shares_of_zeros():
    matrix = very_sparse(40, 400, rng()).matrix
    assert float((matrix == 0).double().mean()) == pytest.approx(1 - 1 / 20, abs=0.01)


@settings(max_examples=20, deadline=None)
@given(n=st.integers(2, 12), k=st.integers(1, 4), seed=st.integers(0, 50))
def test_leverage_scores_by_their_definition(n, k, seed):
    a = normal(n, k, seed=seed)
    expected = (a @ torch.linalg.pinv(a)).diagonal()
    found = leverage_scores(a)
    torch.testing.assert_close(found, expected)
    assert float(found.sum()) == pytest.approx(min(n, k))
    doubled = torch.cat([a, a], 1)
    torch.testing.assert_close(leverage_scores(doubled), expected)


def test_incoherence_at_its_ends():
    assert incoherence(torch.eye(6, dtype=torch.float64)[:, :2]) == pytest.approx(3)
    assert incoherence(torch.ones(6, 1, dtype=torch.float64)) == pytest.approx(1)


def test_mistakes_are_told():
    with pytest.raises(ValueError, match="power of 2"):
        walsh_hadamard(torch.ones(3))
    with pytest.raises(InvalidInputError, match="allowed: 1 or more"):
        count(0, 4, rng())
    with pytest.raises(InvalidInputError, match="allowed: 1 to 4"):
        hadamard(5, 3, rng())
    with pytest.raises(InvalidInputError, match="NaN"):
        leverage_scores(torch.tensor([[1.0], [float("nan")]]))
