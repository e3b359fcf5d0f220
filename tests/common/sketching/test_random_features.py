"""Random Fourier features: their mean is the kernel, their variance the closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from common.errors import InvalidInputError
from common.sketching.random_features import FEATURES, gaussian_features

COUNT = 40_000


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def pair(length: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Two rows, apart by (length, 0.1)."""
    x = torch.tensor([[0.3, -0.2]], dtype=torch.float64)
    return x, x + torch.tensor([[length, 0.1]], dtype=torch.float64)


@pytest.mark.parametrize("length", [0.0, 0.4, 1.3])
@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("kind", ["gaussian", "exponential", "laplacian"])
def test_the_mean_is_the_kernel(kind, paired, length):
    x, y = pair(length)
    drawn = FEATURES[kind](COUNT, 2, rng(), paired=paired)
    law = {
        "gaussian": math.exp(-(length**2 + 0.01)),
        "exponential": math.exp(-math.hypot(length, 0.1)),
        "laplacian": math.exp(-length - 0.1),
    }[kind]
    assert float(drawn.apply(x) @ drawn.apply(y).mT) == pytest.approx(law, abs=4 / COUNT**0.5)


@pytest.mark.parametrize("length", [0.2, 1.0])
def test_the_variance_of_gaussian_features(length):
    """1 + k^4 / 2 - k^2 with a phase, (1 - k^2)^2 / 2 of pairs."""
    x, y = pair(length)
    k = math.exp(-(length**2 + 0.01))
    drawn = gaussian_features(COUNT, 2, rng(), paired=False)
    products = COUNT * drawn.apply(x) * drawn.apply(y)
    assert float(products.var()) == pytest.approx(1 + k**4 / 2 - k**2, rel=0.03)
    pairs = gaussian_features(COUNT, 2, rng())
    both = COUNT * pairs.apply(x) * pairs.apply(y)
    summed = both[:, :COUNT] + both[:, COUNT:]
    assert float(summed.var()) == pytest.approx((1 - k**2) ** 2 / 2, rel=0.03)


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shapes_types_and_norms(paired, dtype):
    drawn = gaussian_features(7, 3, rng(), paired=paired)
    found = drawn.apply(torch.randn(4, 5, 3, dtype=dtype))
    assert found.shape == (4, 5, drawn.features)
    assert found.dtype == dtype
    for norm, most in zip((1, 2), drawn.largest_norms, strict=True):
        assert float(torch.linalg.vector_norm(found, norm, dim=-1).max()) <= most + 1e-6
    x = torch.randn(2, 3, dtype=dtype)
    kept = x.clone()
    drawn.apply(x)
    torch.testing.assert_close(x, kept, rtol=0, atol=0)


@pytest.mark.parametrize("kind", ["gaussian", "exponential", "laplacian"])
def test_nothing_to_draw(kind):
    with pytest.raises(InvalidInputError, match="0 features of 2 coordinates"):
        FEATURES[kind](0, 2, rng())
