"""Other private sums of l1 distances, a structure a coordinate: a flat histogram, distances at the
points of a grid, and trees of counts and sums."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError
from common.recovery.arrays import Array, like
from papers.private_similarity.exact import leaf_sums, line_sums
from papers.private_similarity.mechanisms import NoiseMechanism
from papers.private_similarity.models import asked_rows, rows
from papers.private_similarity.trees import CountTrees, LeafCounts, leaf_of


@dataclass(frozen=True)
class FlatSums:
    """Noise on the leaves alone, 1 / epsilon on each, and exact distances between leaves.

    Attributes:
        counts: of leaves, noisy.
        low: of the range.
        high: of it.
    """

    counts: LeafCounts
    low: float
    high: float

    @classmethod
    def release(
        cls,
        x: Array,
        mechanism: NoiseMechanism,
        *,
        low: float = 0.0,
        high: float = 1.0,
        height: int = 16,
    ) -> FlatSums:
        """2^height leaves a coordinate."""
        points = rows(x, "x")
        leaf = leaf_of(points, low, high, 2**height).unbind(1)
        counts = LeafCounts.of(leaf, 2**height).counts
        sensitivity = points.shape[1] ** (1 / mechanism.norm)
        return cls(LeafCounts(mechanism.release(counts, sensitivity)), low, high)

    def query(self, y: Array) -> Array:
        """Sums."""
        leaves = self.counts.leaves
        leaf = leaf_of(asked_rows(y, len(self.counts.counts)), self.low, self.high, leaves)
        return like((self.high - self.low) / leaves * leaf_sums(self.counts, leaf), y)


@dataclass(frozen=True)
class GridSums:
    """The sum at every point of a grid, with noise, and a line between them: the mechanism with an
    error of a power of n that the paper compares with.

    Attributes:
        values: at g + 1 points of each coordinate.
        low: of the range.
        high: of it.
    """

    values: Float[Tensor, "d points"]
    low: float
    high: float

    @classmethod
    def release(
        cls,
        x: Array,
        mechanism: NoiseMechanism,
        *,
        parts: int,
        low: float = 0.0,
        high: float = 1.0,
    ) -> GridSums:
        """One record changes each of the g + 1 sums by R at most.

        Args:
            parts: g; about sqrt(n epsilon) is best.
        """
        if parts < 1 or not -math.inf < low < high < math.inf:
            raise InvalidInputError(
                f"parts={parts}, range [{low}, {high}]; allowed: 1 or more; finite, low below high."
            )
        moved = rows(x, "x").double().clamp(low, high)
        grid = torch.linspace(low, high, parts + 1, dtype=torch.float64, device=moved.device)
        sums = torch.stack([line_sums(column, grid) for column in moved.unbind(1)])
        sensitivity = (high - low) * sums.numel() ** (1 / mechanism.norm)
        return cls(mechanism.release(sums, sensitivity), low, high)

    def query(self, y: Array) -> Array:
        """Sums, interpolated."""
        parts = self.values.shape[1] - 1
        asked = asked_rows(y, len(self.values)).double()
        place = (asked - self.low) * (parts / (self.high - self.low))
        left = place.floor().long().clamp(0, parts - 1)
        share = (place - left).clamp(0, 1)
        first = self.values.mT.gather(0, left)
        return like((first + share * (self.values.mT.gather(0, left + 1) - first)).sum(1), y)


@dataclass(frozen=True)
class CountAndSumTrees:
    """Trees of counts and of sums of points: a sum of distances is one count and one sum on either
    side, without annuli and without a multiplicative error.

    Attributes:
        counts: noisy.
        sums: of x - low, noisy.
        low: of the range.
        high: of it.
    """

    counts: CountTrees
    sums: CountTrees
    low: float
    high: float

    @classmethod
    def release(
        cls,
        x: Array,
        mechanism: NoiseMechanism,
        *,
        low: float = 0.0,
        high: float = 1.0,
        height: int = 16,
    ) -> CountAndSumTrees:
        """Half of the budget each."""
        points, leaves = rows(x, "x"), 2**height
        leaf = leaf_of(points, low, high, leaves)
        moved = points.double().clamp(low, high) - low
        totals = torch.stack([
            torch.bincount(at, weights=column, minlength=leaves)
            for at, column in zip(leaf.unbind(1), moved.unbind(1), strict=True)
        ])  # fmt: skip
        half = mechanism.share(0.5)
        return cls(
            CountTrees.of(leaf.unbind(1), height).released(half),
            CountTrees.above(totals, height, 2).released(half, high - low),
            low,
            high,
        )

    def query(self, y: Array) -> Array:
        """Sums, of queries moved to the border of their leaf."""
        leaves = self.counts.leaves
        leaf = leaf_of(asked_rows(y, len(self.counts.levels[0])), self.low, self.high, leaves)
        total = torch.zeros(len(leaf), dtype=torch.float64, device=leaf.device)
        for tree, at in enumerate(leaf.unbind(1)):
            place = at * ((self.high - self.low) / leaves)
            zero, end = torch.zeros_like(at), torch.full_like(at, leaves)
            for start, stop, sign in ((zero, at, -1.0), (at, end, 1.0)):
                number = self.counts.between(tree, start, stop)
                total += sign * (self.sums.between(tree, start, stop) - place * number)
        return like(total, y)


def best_parts(n: int, epsilon: float) -> int:
    """g = sqrt(n epsilon), at which noise g R / epsilon and interpolation n R / g are level."""
    return max(1, math.ceil(math.sqrt(n * epsilon)))
