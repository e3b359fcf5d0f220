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
    a factor.

    Args:
        scores: not negative, one at least above 0.
        expected: rows; above 1, and no more than rows of a score above 0, plus 1/n for each other.

    Raises:
        InvalidInputError: scores or the number are none of these.
    """
    n = len(scores)
    if scores.ndim != 1 or not n or not bool(scores.isfinite().all()) or float(scores.min()) < 0:
        raise InvalidInputError(
            f"scores of shape {tuple(scores.shape)}, negative or not finite; wanted: (n,), 0 or "
            f"more."
        )
    if float(scores.max()) == 0:
        raise InvalidInputError("All scores are 0: no row is more important than another.")
    positive = scores > 0
    largest = int(positive.sum()) + int((~positive).sum()) / n
    if not 1 < expected <= largest * (1 + 1e-12):
        raise InvalidInputError(
            f"{expected:g} expected rows; these {n} scores allow above 1 to {largest:g}."
        )
    if expected >= largest:
        return torch.where(positive, 1.0, 1 / n).to(scores)
    # With the k largest at 1, the others sum to the rest; the least k at which none is above 1.
    wide = scores.double() / scores.double().max()
    ordered = wide.sort(descending=True).values
    k = torch.arange(n, dtype=torch.float64, device=scores.device)
    slopes = (expected - k - (n - k) / n) / ordered.flip(0).cumsum(0).flip(0)
    fits = (slopes * ordered <= 1 - 1 / n) & (slopes > 0)
    slope = slopes[fits.nonzero()[0, 0]]
    return (1 / n + wide * slope).clamp(max=1).to(scores)


@dataclass(frozen=True)
class Rows:
    """Kept rows.

    Attributes:
        index: which, ascending.
        weights: 1 / q of each: sums of rows times these are right in the mean.
    """

    index: Int[Tensor, " kept"]
    weights: Float[Tensor, " kept"]

    def spread(self, n: int) -> Float[Tensor, " n"]:
        """Weights of all n rows, 0 of those that were dropped."""
        return self.weights.new_zeros(n).index_put((self.index,), self.weights)


def toss(probabilities: Float[Tensor, " n"], rng: np.random.Generator) -> Rows:
    """A coin for every row; drawn by NumPy, the same on every device."""
    coins = torch.from_numpy(rng.random(len(probabilities))).to(probabilities.device)
    index = (coins < probabilities).nonzero()[:, 0]
    return Rows(index, 1 / probabilities[index])
