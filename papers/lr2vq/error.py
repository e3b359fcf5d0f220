"""Where the error comes from, and which d it suggests (theory section)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from common.compression.kmeans import kmeans
from common.compression.truncation import svd
from papers.lr2vq.models import check_sizes

ONE_DIMENSION = 2.72  # constant of the clustering error at d = 1; 1 elsewhere (Shannon's bound)


@dataclass(frozen=True)
class ErrorParts:
    """Squared error of one layer at one d.

    Attributes:
        total: of the weight, ``sum_j ||w_j - K c_{b(j)}||^2``.
        low_rank: LR(d), the discarded squared singular values.
        clustering: CL(d), of the projected vectors.
    """

    total: float
    low_rank: float
    clustering: float

    def identity_error(self) -> float:
        """How far total = LR + CL is off, relative: exact since I - K K^T projects orthogonally."""
        return abs(self.low_rank + self.clustering - self.total) / self.total


def error_parts(rows: Float[Tensor, "n m"], dim: int, words: int, seeds: int = 1) -> ErrorParts:
    """In float64; the best of so many k-means."""
    rows = rows.double()
    check_sizes(rows, dim, words)
    factors = svd(rows)
    K = factors.Vh[:dim].mT
    projected = rows @ K
    found = min(
        (
            kmeans(projected, words, generator=torch.Generator().manual_seed(seed))
            for seed in range(seeds)
        ),
        key=lambda clustering: clustering.error,
    )
    decoded = found.centres[found.codes] @ K.mT
    return ErrorParts(
        float((rows - decoded).square().sum()),
        float(factors.S[dim:].square().sum()),
        found.error,
    )


def predicted(singular_values: Float[Tensor, " m"], count: int, dim: int, words: int) -> float:
    """LR(d)/n + c d (prod s_i^2)^(1/d) k^(-2/d), s_i^2 = sigma_i^2 / n: before any clustering."""
    variances = singular_values.double().square() / count
    product = math.exp(float(variances[:dim].clamp_min(1e-300).log().mean()))
    constant = ONE_DIMENSION if dim == 1 else 1.0
    return float(variances[dim:].sum()) + constant * dim * product * words ** (-2 / dim)


def suggested(totals: dict[int, float], within: float = 0.01) -> int:
    """d*: the smallest d whose total is within 1 % of the smallest of all."""
    least = min(totals.values())
    return min(dim for dim, total in totals.items() if total <= (1 + within) * least)
