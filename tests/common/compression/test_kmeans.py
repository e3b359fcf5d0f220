"""k-means against scikit-learn and against what it must do."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from common.compression import kmeans as module
from common.compression.kmeans import assign, kmeans
from common.errors import InvalidInputError


def points(n=400, d=3, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def clustered(x, k, seed=0, **more):
    return kmeans(x, k, generator=torch.Generator().manual_seed(seed), **more)


def test_as_good_as_scikit_learn():
    cluster = pytest.importorskip("sklearn.cluster")
    x = points()
    peer = min(
        cluster.KMeans(16, n_init=1, random_state=s, algorithm="lloyd").fit(x.numpy()).inertia_
        for s in range(5)
    )
    ours = min(clustered(x, 16, seed).error for seed in range(5))
    assert ours <= 1.03 * peer


def test_blocks_change_nothing(monkeypatch):
    x = points()
    whole = clustered(x, 8)
    monkeypatch.setattr(module, "_BLOCK_BYTES", 8 * 8 * 7)
    assert torch.equal(clustered(x, 8).codes, whole.codes)


def test_codes_are_the_nearest_and_the_error_is_theirs():
    x = points()
    found = clustered(x, 8)
    distances = torch.cdist(x, found.centres).square()
    torch.testing.assert_close(distances.gather(1, found.codes[:, None])[:, 0],
                               distances.min(1).values)  # fmt: skip
    assert found.error == pytest.approx(float(distances.min(1).values.sum()))


def test_as_many_centres_as_points_leave_nothing():
    x = points(20)
    assert clustered(x, 20).error == pytest.approx(0, abs=1e-20)


def test_equal_points_give_no_nan():
    found = clustered(torch.ones(30, 2), 4)
    assert torch.isfinite(found.centres).all()
    assert found.error == 0


def test_an_empty_cluster_begins_anew(monkeypatch):
    x = torch.tensor([[0.0], [0.1], [10.0], [20.0]])
    far = torch.tensor([[0.0], [1e6], [2e6]])
    monkeypatch.setattr(module, "plus_plus", lambda *_: far)
    assert clustered(x, 3).error == pytest.approx(0.005)


def test_weights_are_repetitions():
    x, weights = points(40), torch.arange(40) % 4
    start = x[:3].clone()
    repeated = x.repeat_interleave(weights, 0)
    codes, _ = assign(repeated, start)
    expected = torch.stack([repeated[codes == c].mean(0) for c in range(3)])
    codes, distances = assign(x, start)
    torch.testing.assert_close(module._means(x, codes, distances, start, weights), expected)


@pytest.mark.parametrize("k", [0, 21])
def test_k_out_of_range(k):
    with pytest.raises(InvalidInputError, match=f"k={k}; allowed: 1 to"):
        clustered(points(20), k)


def test_not_finite():
    with pytest.raises(InvalidInputError, match="not finite"):
        clustered(torch.tensor([[1.0], [np.nan]]), 1)
