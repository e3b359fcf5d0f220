"""Random Fourier features (Rahimi and Recht 2007): z(x) with E <z(x), z(y)> = k(x - y).

Frequencies are drawn by NumPy, the same on every device.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError


@dataclass(frozen=True)
class RandomFeatures:
    """sqrt(2 / I) cos(<w_i, x> + u_i), or cos and sin of <w_i, x> over sqrt(I).

    Attributes:
        frequencies: w.
        phases: u; None for pairs, whose estimate has the smaller variance at every x - y.
    """

    frequencies: Float[Tensor, "i d"]
    phases: Float[Tensor, " i"] | None = None

    @property
    def features(self) -> int:
        """Numbers of a z(x): I, or 2 I of pairs."""
        return len(self.frequencies) * (2 if self.phases is None else 1)

    def apply(self, x: Float[Tensor, "*b n d"]) -> Float[Tensor, "*b n features"]:
        """z of rows, in their type; of pairs the cosines first."""
        angles = x @ self.frequencies.to(x).mT
        scale = len(self.frequencies) ** -0.5
        if self.phases is None:
            return torch.cat((angles.cos(), angles.sin()), -1) * scale
        return angles.add_(self.phases.to(x)).cos_().mul_(2**0.5 * scale)

    @property
    def largest_norms(self) -> tuple[float, float]:
        """The most that ||z(x)||_1 and ||z(x)||_2 can be."""
        count = len(self.frequencies)
        return (2 * count) ** 0.5, 1.0 if self.phases is None else 2**0.5


def gaussian_features(
    count: int, size: int, rng: np.random.Generator, *, paired: bool = True
) -> RandomFeatures:
    """Of exp(-||x - y||_2^2): frequencies N(0, 2 I).

    Args:
        count: I.
        size: d.
    """
    _check(count, size)
    return _features(2**0.5 * rng.standard_normal((count, size)), rng, paired)


def exponential_features(
    count: int, size: int, rng: np.random.Generator, *, paired: bool = True
) -> RandomFeatures:
    """Of exp(-||x - y||_2): multivariate Cauchy frequencies g / |g_0|."""
    _check(count, size)
    normal = rng.standard_normal((count, size))
    return _features(normal / np.abs(rng.standard_normal((count, 1))), rng, paired)


def laplacian_features(
    count: int, size: int, rng: np.random.Generator, *, paired: bool = True
) -> RandomFeatures:
    """Of exp(-||x - y||_1): a Cauchy frequency for each coordinate by itself."""
    _check(count, size)
    return _features(rng.standard_cauchy((count, size)), rng, paired)


FEATURES = {
    "gaussian": gaussian_features,
    "exponential": exponential_features,
    "laplacian": laplacian_features,
}


def _features(
    frequencies: Float[np.ndarray, "i d"], rng: np.random.Generator, paired: bool
) -> RandomFeatures:
    phases = None if paired else torch.from_numpy(2 * np.pi * rng.random(len(frequencies)))
    return RandomFeatures(torch.from_numpy(frequencies), phases)


def _check(count: int, size: int) -> None:
    if min(count, size) < 1:
        raise InvalidInputError(
            f"{count} features of {size} coordinates; allowed: 1 or more of both."
        )
