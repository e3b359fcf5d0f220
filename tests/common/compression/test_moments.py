"""Streaming moments and the layers that are built from them, against NumPy and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from common.compression.features import FeatureBasis
from common.compression.moments import Moments
from common.errors import InvalidInputError


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 40), min_size=1, max_size=5),
    dim=st.integers(1, 6),
    seed=st.integers(0, 99),
)
def test_any_split_of_the_stream_has_the_moments_of_the_whole(sizes, dim, seed):
    generator = torch.Generator().manual_seed(seed)
    parts = [torch.randn(n, dim, generator=generator, dtype=torch.float64) for n in sizes]
    moments = Moments(dim)
    for part in parts:
        moments.update(part)
    whole = torch.cat(parts)
    if len(whole) == 0:
        with pytest.raises(InvalidInputError, match="no rows"):
            _ = moments.covariance
        return
    expected = np.cov(whole.numpy(), rowvar=False, bias=True).reshape(dim, dim)
    np.testing.assert_allclose(moments.covariance, expected, atol=1e-12)
    torch.testing.assert_close(moments.mean, whole.mean(0))
    torch.testing.assert_close(moments.second_moment, whole.mT @ whole / len(whole))


def test_a_large_mean_cancels_nothing_in_float32():
    generator = torch.Generator().manual_seed(0)
    rows = 1e3 + torch.randn(20_000, 8, generator=generator)
    expected = np.cov(rows.double().numpy(), rowvar=False, bias=True)
    found = Moments(8).update(rows).covariance.numpy()
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()


def test_weights_are_repetitions():
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(7, 3, generator=generator, dtype=torch.float64)
    weights = torch.tensor([3, 0, 1, 5, 2, 0, 1])
    weighted = Moments(3).update(rows, weights)
    repeated = Moments(3).update(rows.repeat_interleave(weights, 0))
    torch.testing.assert_close(weighted.covariance, repeated.covariance)
    assert weighted.count == repeated.count


@pytest.mark.parametrize("dim", [511, 512, 514])
def test_panels_of_wide_rows_are_the_whole_product(dim):
    generator = torch.Generator().manual_seed(0)
    rows = 5 + torch.randn(700, dim, generator=generator)
    weights = torch.randint(0, 4, (700,), generator=generator)
    found = Moments(dim).update(rows[:300], weights[:300]).update(rows[300:], weights[300:])
    expected = np.cov(rows.double().numpy(), rowvar=False, bias=True, fweights=weights.numpy())
    assert torch.equal(found.covariance, found.covariance.mT)
    np.testing.assert_allclose(found.covariance, expected, atol=1e-5)


def test_half_precision_is_raised_first():
    rows = (torch.randn(500, 4) * 300).bfloat16()
    expected = np.cov(rows.double().numpy(), rowvar=False, bias=True)
    np.testing.assert_allclose(Moments(4).update(rows).covariance, expected, rtol=1e-4)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_is_refused(value):
    with pytest.raises(InvalidInputError, match="not finite"):
        Moments(2).update(torch.tensor([[1.0, value]]))


def features(seed: int = 0):
    torch.manual_seed(seed)
    layer = nn.Linear(6, 5).double()
    x = torch.randn(300, 6, dtype=torch.float64) @ torch.randn(6, 6, dtype=torch.float64) + 3
    return layer, x, FeatureBasis.of(Moments(5).update(layer(x).detach()))


def approximation(layer, x, basis, rank):
    first, second, bias = basis.factors(layer.weight.detach(), layer.bias.detach(), rank)
    return x @ first.mT @ second.mT + bias


@pytest.mark.parametrize("rank", range(6))
def test_the_error_is_the_sum_of_the_eigenvalues_left_out(rank):
    layer, x, basis = features()
    target = layer(x).detach()
    error = (approximation(layer, x, basis, rank) - target).square().sum(1).mean()
    assert float(error) == pytest.approx(basis.error(rank), rel=1e-8, abs=1e-12)


def test_no_affine_map_of_the_same_rank_is_better():
    layer, x, basis = features()
    target = layer(x).detach()
    best = (approximation(layer, x, basis, 2) - target).square().sum(1).mean()
    for seed in range(50):
        generator = torch.Generator().manual_seed(seed)
        first = torch.randn(2, 6, generator=generator, dtype=torch.float64)
        hidden = torch.cat([x @ first.mT, torch.ones(len(x), 1, dtype=torch.float64)], 1)
        fitted = hidden @ torch.linalg.lstsq(hidden, target).solution
        assert (fitted - target).square().sum(1).mean() >= best


def test_principal_axes_are_scikit_learns():
    decomposition = pytest.importorskip("sklearn.decomposition")
    layer, x, basis = features()
    pca = decomposition.PCA().fit(layer(x).detach().numpy())
    np.testing.assert_allclose(basis.values * 300 / 299, pca.explained_variance_, rtol=1e-8)
    np.testing.assert_allclose(
        np.abs(np.diag(pca.components_ @ basis.vectors.numpy())), 1, atol=1e-8
    )


def test_axes_have_a_sign_of_their_own():
    _, _, basis = features()
    peaks = basis.vectors.gather(0, basis.vectors.abs().argmax(0, keepdim=True))
    assert bool((peaks > 0).all())


def test_without_centring_the_mean_is_not_kept():
    layer, x, _ = features()
    plain = FeatureBasis.of(Moments(5).update(layer(x).detach()), centred=False)
    error = (approximation(layer, x, plain, 2) - layer(x).detach()).square().sum(1).mean()
    assert float(error) == pytest.approx(plain.error(2), rel=1e-8)
