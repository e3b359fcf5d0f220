"""Rows kept by independent coins, their probabilities from scores and an expected number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from common.errors import InvalidInputError


def keep_probabilities(scores: Float[Tensor, " n"], expected: float) -> Float[Tensor, " n"]:
    """q_i = min(1, 1/n + scores_i / alpha), alpha such that they sum to ``expected``.

    The 1/n, one expected row in all, keeps every weight 1 / q_i at n or below. Scores matter up to
    a factor; of whole numbers the probabilities are float64.

    Args:
        scores: not negative, one at least above 0. What is below the least float64 after division
            by the largest counts as 0.
        expected: rows; above 1, and no more than rows of a score above 0, plus 1/n for each other.

    Raises:
        InvalidInputError: scores or the number are none of these.
    """
    if not scores.dtype.is_floating_point:
        scores = scores.double()
    n = len(scores)
    if scores.ndim != 1 or not n or not bool(scores.isfinite().all()) or float(scores.min()) < 0:
        raise InvalidInputError(
            f"scores of shape {tuple(scores.shape)}, negative or not finite; wanted: (n,), 0 or "
            f"more."
        )
    if float(scores.max()) == 0:
        raise InvalidInputError("All scores are 0: no row is more important than another.")
    shares = scores.double() / scores.double().max()
    positive = shares > 0
    largest = int(positive.sum()) + int((~positive).sum()) / n
    if not 1 < expected <= largest * (1 + 1e-12):
        raise InvalidInputError(
            f"{expected:g} expected rows; these {n} scores allow above 1 to {largest:g}."
        )
    if expected >= largest:
        return torch.where(positive, 1.0, 1 / n).to(scores)
    # With the k largest at 1, the others share the rest; the least k at which none is above 1.
    ordered = shares.sort(descending=True).values
    k = torch.arange(n, dtype=torch.float64, device=scores.device)
    rest = expected - k - (n - k) / n
    tails = ordered.flip(0).cumsum(0).flip(0)
    # The rest is off by rounding of ``expected``, which decides where the k-th stands just at 1.
    most = 1 - 1 / n + 4 * n * torch.finfo(torch.float64).eps
    least = int((rest * (ordered / tails) <= most).nonzero()[0, 0])
    return (1 / n + rest[least] * (shares / tails[least])).clamp(max=1).to(scores)


@dataclass(frozen=True)
class Sample:
    """Kept rows of a matrix A; in the mean, sums of p-th powers of rows times weights^{1/p} are
    those of A.

    Attributes:
        index: rows of A; one may occur more than once where rows were split.
        weights: 1 / q of each, over the number of copies.
    """

    index: Int[Tensor, " kept"]
    weights: Float[Tensor, " kept"]

    @classmethod
    def all_of(cls, matrix: Float[Tensor, "n d"]) -> Sample:
        """Every row, with weight 1."""
        return cls(torch.arange(len(matrix), device=matrix.device), torch.ones_like(matrix[:, 0]))

    def rows(self, matrix: Float[Tensor, "n d"], p: float) -> Float[Tensor, "kept d"]:
        """S A: row j is weights_j^{1/p} a_{index_j}."""
        return matrix[self.index] * (self.weights ** (1 / p))[:, None].to(matrix)

    def spread(self, n: int) -> Float[Tensor, " n"]:
        """The weight of each of A's n rows, 0 where it was dropped."""
        return self.weights.new_zeros(n).index_add_(0, self.index, self.weights)

    def then(self, further: Sample) -> Sample:
        """A sample of these rows, as rows of A."""
        return Sample(self.index[further.index], self.weights[further.index] * further.weights)


def toss(probabilities: Float[Tensor, " n"], rng: np.random.Generator) -> Sample:
    """A coin for every row; drawn by NumPy, the same on every device."""
    coins = torch.from_numpy(rng.random(len(probabilities))).to(probabilities.device)
    index = (coins < probabilities).nonzero()[:, 0]
    return Sample(index, 1 / probabilities[index])


def drawn(scores: Float[Tensor, " n"], expected: float, rng: np.random.Generator) -> Sample:
    """Coins by scores, about ``expected`` rows; see ``keep_probabilities``."""
    return toss(keep_probabilities(scores, expected), rng)
