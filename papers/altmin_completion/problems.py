"""Matrices to be completed, from a seed: Haar or spiky bases, a spectrum, a mask."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError
from common.recovery.ground_truth import orthonormal
from papers.altmin_completion.observed import Observed


@dataclass(frozen=True)
class Problem:
    """M = U diag(s) V^T and what is known of it.

    Attributes:
        truth: M.
        left: U, orthonormal.
        right: V, orthonormal.
        observed: entries.
    """

    truth: Float[Tensor, "m n"]
    left: Float[Tensor, "m k"]
    right: Float[Tensor, "n k"]
    observed: Observed

    def error(self, matrix: Float[Tensor, "m n"]) -> float:
        """Relative, Frobenius; of rows and columns that have an entry."""
        return self.observed.error(matrix, self.truth)

    def to(self, device: torch.device) -> Problem:
        """The same on a device."""
        bases = self.left.to(device), self.right.to(device)
        return Problem(self.truth.to(device), *bases, self.observed.to(device))


def draw(
    size: int,
    rank: int,
    share: float,
    rng: np.random.Generator,
    *,
    kappa: float = 1.0,
    spike: float = 0.0,
) -> Problem:
    """size x size: U, then V, then the mask, each entry known with probability ``share``.

    Args:
        kappa: s_1 / s_k; singular values fall from 1 in a line.
        spike: leverage of U's first row; 0 leaves it.
    """
    if not 0 < share <= 1 or not kappa >= 1 or not 0 <= spike < 1:
        raise InvalidInputError(
            f"share={share}, kappa={kappa}, spike={spike}; allowed: above 0 up to 1; 1 or more; 0 "
            f"to below 1."
        )
    left, right = orthonormal(size, rank, rng), orthonormal(size, rank, rng)
    if spike:
        left = _spiked(left, spike)
    values = torch.linspace(1, 1 / kappa, rank, dtype=torch.float64)
    truth = left * values @ right.mT
    mask = torch.from_numpy(rng.random((size, size)) < share)
    return Problem(truth, left, right, Observed.of_mask(truth, mask))


def _spiked(basis: Float[Tensor, "n k"], leverage: float) -> Float[Tensor, "n k"]:
    """The first row scaled until its leverage is as wanted."""
    own = float(basis[0].square().sum())
    scale = (leverage * (1 - own) / (own * (1 - leverage))) ** 0.5
    scaled = basis.clone()
    scaled[0] *= scale
    return torch.linalg.qr(scaled).Q
