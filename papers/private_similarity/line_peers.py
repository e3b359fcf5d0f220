"""Other private sums of l1 distances, a structure a coordinate: a flat histogram, distances at the
points of a grid, private multiplicative weights, and trees of counts and sums."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError
from papers.private_similarity.exact import leaf_sums, line_sums
from papers.private_similarity.mechanisms import NoiseMechanism
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
        x: Float[Tensor, "n d"],
        mechanism: NoiseMechanism,
        *,
        low: float = 0.0,
        high: float = 1.0,
        height: int = 16,
    ) -> FlatSums:
        """2^height leaves a coordinate."""
        leaf = leaf_of(x, low, high, 2**height)
        counts = torch.stack([torch.bincount(c, minlength=2**height) for c in leaf.unbind(1)])
        sensitivity = x.shape[1] ** (1 / mechanism.norm)
        return cls(LeafCounts(mechanism.release(counts.double(), sensitivity)), low, high)

    def query(self, y: Float[Tensor, "q d"]) -> Float[Tensor, " q"]:
        """Sums."""
        leaves = self.counts.leaves
        leaf = leaf_of(y, self.low, self.high, leaves)
        return (self.high - self.low) / leaves * leaf_sums(self.counts, leaf)


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
        x: Float[Tensor, "n d"],
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
        if parts < 1:
            raise InvalidInputError(f"parts={parts}; allowed: 1 or more.")
        grid = torch.linspace(low, high, parts + 1, dtype=torch.float64)
        moved = x.double().clamp(low, high)
        sums = torch.stack([line_sums(column, grid) for column in moved.unbind(1)])
        sensitivity = (high - low) * sums.numel() ** (1 / mechanism.norm)
        return cls(mechanism.release(sums, sensitivity), low, high)

    def query(self, y: Float[Tensor, "q d"]) -> Float[Tensor, " q"]:
        """Sums, interpolated."""
        parts = self.values.shape[1] - 1
        place = (y.double() - self.low) * (parts / (self.high - self.low))
        left = place.floor().long().clamp(0, parts - 1)
        share = (place - left).clamp(0, 1)
        first = self.values.mT.gather(0, left)
        return (first + share * (self.values.mT.gather(0, left + 1) - first)).sum(1)


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
        x: Float[Tensor, "n d"],
        mechanism: NoiseMechanism,
        *,
        low: float = 0.0,
        high: float = 1.0,
        height: int = 16,
    ) -> CountAndSumTrees:
        """Half of the budget each."""
        leaf, leaves = leaf_of(x, low, high, 2**height), 2**height
        moved = x.double().clamp(low, high) - low
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

    def query(self, y: Float[Tensor, "q d"]) -> Float[Tensor, " q"]:
        """Sums, of queries moved to the border of their leaf."""
        leaves = self.counts.leaves
        leaf = leaf_of(y, self.low, self.high, leaves)
        total = torch.zeros(len(y), dtype=torch.float64)
        for tree, at in enumerate(leaf.unbind(1)):
            place = at * ((self.high - self.low) / leaves)
            zero, end = torch.zeros_like(at), torch.full_like(at, leaves)
            for start, stop, sign in ((zero, at, -1.0), (at, end, 1.0)):
                number = self.counts.between(tree, start, stop)
                total += sign * (self.sums.between(tree, start, stop) - place * number)
        return total


def multiplicative_weights(
    x: Float[Tensor, "n d"],
    mechanism: NoiseMechanism,
    *,
    low: float = 0.0,
    high: float = 1.0,
    height: int = 8,
    rounds: int = 10,
    passes: int = 50,
) -> FlatSums:
    """A histogram, mended where it answers distances worst (Hardt, Ligett and McSherry 2012).

    In each round the leaf whose sum of distances is furthest off is chosen by noisy maximum, its
    sum measured, and the histogram reweighted, all measurements some times over; the last histogram
    is the answer. n is public.

    Args:
        rounds: a 2 d rounds-th of the budget for each choice and each measurement.
        passes: over the measurements, in each round.
    """
    if rounds < 1:
        raise InvalidInputError(f"rounds={rounds}; allowed: 1 or more.")
    part = mechanism.share(1 / (2 * rounds * x.shape[1]))
    leaves, length = 2**height, high - low
    place = torch.arange(leaves, dtype=torch.float64) * (length / leaves)
    queries = (place[:, None] - place).abs()
    found = []
    for leaf in leaf_of(x, low, high, leaves).unbind(1):
        truth = queries @ torch.bincount(leaf, minlength=leaves).double()
        histogram = torch.full((leaves,), len(x) / leaves, dtype=torch.float64)
        measured: dict[int, float] = {}
        for _ in range(rounds):
            apart = (truth - queries @ histogram).abs()
            # The largest of noisy scores: each of them moves by R, in either direction.
            worst = int(part.release(apart, 2 * length).argmax())
            measured[worst] = float(part.release(truth[worst], length))
            for _ in range(passes):
                for query, value in measured.items():
                    off = value - float(queries[query] @ histogram)
                    step = queries[query] * (off / (2 * length * len(x)))
                    histogram = histogram * torch.exp(step.clamp(-50, 50))
                    histogram = histogram * (len(x) / histogram.sum())
        found.append(histogram)
    return FlatSums(LeafCounts(torch.stack(found)), low, high)


def best_parts(n: int, epsilon: float) -> int:
    """g = sqrt(n epsilon), at which noise g R / epsilon and interpolation n R / g are level."""
    return max(1, math.ceil(math.sqrt(n * epsilon)))
