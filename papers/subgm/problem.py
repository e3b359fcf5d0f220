"""Measurements of a low-rank positive semidefinite matrix, some of them corrupted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError
from common.recovery.ground_truth import positive_semidefinite
from common.recovery.sensing import Packed, gaussian


@dataclass(frozen=True)
class Noise:
    """What corrupts measurements; both kinds may act at once.

    Attributes:
        fraction: p of the measurements, at random places, get an outlier,
        size: o times a standard normal one.
        deviation: nu, of the normal noise in every measurement.
    """

    fraction: float = 0.0
    size: float = 10.0
    deviation: float = 0.0

    def __post_init__(self) -> None:
        sizes = (self.size, self.deviation)
        if not 0 <= self.fraction <= 1 or not all(0 <= size < math.inf for size in sizes):
            raise InvalidInputError(
                f"{self}; allowed: a fraction of 0 to 1, a size and a deviation of 0 or more and "
                f"finite."
            )

    def draw(self, measurements: int, rng: np.random.Generator) -> Float[Tensor, " m"]:
        """s, float64: places of the outliers first, then their values, then normal noise."""
        noise = np.zeros(measurements)
        count = round(self.fraction * measurements)
        if count:
            places = rng.choice(measurements, count, replace=False)
            noise[places] = self.size * rng.standard_normal(count)
        if self.deviation:
            noise += self.deviation * rng.standard_normal(measurements)
        return torch.from_numpy(noise)


@dataclass(frozen=True)
class Problem:
    """y = A(X*) + s.

    Attributes:
        truth: X*.
        sensing: A, of standard normal entries.
        noise: s.
    """

    truth: Float[Tensor, "d d"]
    sensing: Packed
    noise: Float[Tensor, " m"]

    @cached_property
    def y(self) -> Float[Tensor, " m"]:
        """The measurements."""
        return self.sensing.apply(self.truth) + self.noise

    def to(self, device: torch.device) -> Problem:
        """The same on a device."""
        return Problem(self.truth.to(device), self.sensing.to(device), self.noise.to(device))


def draw(
    size: int, spectrum: list[float], measurements: int, noise: Noise, rng: np.random.Generator
) -> Problem:
    """Eigenvectors first, then A, then the noise."""
    truth = positive_semidefinite(spectrum, size, rng)
    sensing = Packed(gaussian(measurements, (size, size), rng, 1.0))
    return Problem(truth, sensing, noise.draw(measurements, rng))
