"""Noise from a seed, NOT PRIVATE: whoever knows the seed subtracts it, and floating-point Laplace
noise leaks by its last bits (Mironov 2012). For experiments; releases take ``opendp_backend``."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from jaxtyping import Float

from papers.private_similarity.mechanisms import NoiseMechanism


class Simulation:
    """Seeded noise, which repeats. Not private.

    Args:
        seed: of NumPy's default generator.
    """

    private = False

    def __init__(self, seed: int | list[int]):
        self.rng = np.random.default_rng(seed)
        self.drawn = 0

    def laplace(self, values: Float[np.ndarray, " n"], scale: float) -> Float[np.ndarray, " n"]:
        self.drawn += len(values)
        return values + self.rng.laplace(0.0, scale, len(values))

    def discrete_laplace(
        self, values: Float[np.ndarray, " n"], scale: float
    ) -> Float[np.ndarray, " n"]:
        self.drawn += len(values)
        # The difference of two geometric numbers.
        first, second = self.rng.geometric(-np.expm1(-1 / scale), (2, len(values)))
        return values + (first - second)

    def gaussian(
        self, values: Float[np.ndarray, " n"], deviation: float
    ) -> Float[np.ndarray, " n"]:
        self.drawn += len(values)
        return values + self.rng.normal(0.0, deviation, len(values))


class NoNoise(NoiseMechanism):
    """Adds nothing, and is not private: what a structure itself loses is measured with it."""

    norm: ClassVar[int] = 1
    neighbors = "add_remove"

    def deviation(self, sensitivity: float) -> float:
        return 0.0

    def share(self, fraction: float) -> NoNoise:
        return self

    def _noisy(
        self, values: Float[np.ndarray, " n"], sensitivity: float
    ) -> Float[np.ndarray, " n"]:
        return values
