"""Average smooth kernels 1 / (1 + ||x - y||) and 1 / (1 + ||x - y||^2), by a few exponential or
Gaussian ones (sections 8 and 9 of the paper)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from common.errors import InvalidInputError
from common.recovery.arrays import Array, like
from papers.private_similarity.exponential_sums import ExponentialSum, inverse_sum
from papers.private_similarity.kernels import FeatureMap, Kernel, KernelSums
from papers.private_similarity.mechanisms import NoiseMechanism
from papers.private_similarity.models import finite_positive, rows

Smooth = Literal["inverse", "inverse_square", "inverse_l1"]
# Which kernel the terms are, and which power of t a point is multiplied by.
_TERMS: dict[str, tuple[Kernel, float]] = {
    "inverse": ("exponential", 1.0),
    "inverse_square": ("gaussian", 0.5),
    "inverse_l1": ("laplacian", 1.0),
}


@dataclass(frozen=True)
class SmoothKernelSums:
    """(1 / n) sum_i 1 / (1 + z(x_i, y)) for any y.

    Attributes:
        parts: average kernels, one a term.
        weights: of these.
    """

    parts: tuple[KernelSums, ...]
    weights: tuple[float, ...]

    @classmethod
    def release(
        cls,
        x: Array,
        mechanism: NoiseMechanism,
        *,
        kernel: Smooth = "inverse",
        bandwidth: float = 1.0,
        terms: int | ExponentialSum = 8,
        features: int = 1000,
        projected: int | None = None,
        split: Literal["weighted", "equal"] = "weighted",
        seed: int = 0,
    ) -> SmoothKernelSums:
        """As many releases as terms, which share the budget.

        Args:
            x: (n, d).
            kernel: z is ||x - y||_2 (``inverse``), its square, or ||x - y||_1, of points over the
                bandwidth.
            terms: how many, or a sum of one's own.
            features: I of each term.
            projected: see ``FeatureMap.draw``.
            split: ``weighted`` gives term m a part of the budget in proportion to w_m^(2/3), which
                makes the summed variance of Laplace noise least (w_m for Gaussian noise); or
                ``equal`` parts.
        """
        if kernel not in _TERMS:
            raise InvalidInputError(f"kernel={kernel!r}; allowed: {', '.join(map(repr, _TERMS))}.")
        points = rows(x, "x")
        finite_positive(bandwidth, "bandwidth")
        chosen = terms if isinstance(terms, ExponentialSum) else inverse_sum(terms)
        term_kernel, power = _TERMS[kernel]
        parts = []
        shares = budget_shares(chosen, mechanism.norm, split)
        for i, (rate, share) in enumerate(zip(chosen.rates, shares, strict=True)):
            drawn = FeatureMap.draw(
                points.shape[1],
                features,
                kernel=term_kernel,
                bandwidth=bandwidth / rate**power,
                projected=projected,
                seed=[seed, i],
            )
            parts.append(KernelSums.release(points, mechanism.share(share), drawn))
        return cls(tuple(parts), chosen.weights)

    def query(self, y: Array, clip: bool = False) -> Array:
        """Of each query the average, in the type of y.

        Args:
            clip: to [0, 1], which is free.
        """
        asked = rows(y, "y")
        pairs = zip(self.weights, self.parts, strict=True)
        found = sum(weight * part.query(asked) for weight, part in pairs)
        return like(found.clamp(0, 1) if clip else found, y)


def budget_shares(terms: ExponentialSum, norm: int, split: str) -> list[float]:
    """Parts of the budget, which sum to 1.

    The variance of term m is w_m^2 / eps_m^2 with Laplace noise, w_m^2 / rho_m with Gaussian noise.
    """
    weights = np.array(terms.weights)
    if split not in ("weighted", "equal"):
        raise InvalidInputError(f"split={split!r}; allowed: 'weighted' or 'equal'.")
    if split == "equal":
        return np.full(len(weights), 1 / len(weights)).tolist()
    powers = weights ** (2 / 3 if norm == 1 else 1)
    return (powers / powers.sum()).tolist()
