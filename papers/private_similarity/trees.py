"""Counts of points in the nodes of complete trees over the leaves of a range, one tree a coordinate
(section A of the README); how many points lie between two leaves, from the fewest nodes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor

from common.errors import InvalidInputError
from papers.private_similarity.mechanisms import NoiseMechanism


class Counts(Protocol):
    """Numbers of points by leaf.

    Attributes:
        leaves: of each tree.
    """

    leaves: int

    def between(
        self, tree: int, start: Int[Tensor, "*q"], stop: Int[Tensor, "*q"]
    ) -> Float[Tensor, "*q"]:
        """Points of the leaves start <= i < stop of a tree; 0 <= start <= stop <= leaves."""


@dataclass(frozen=True)
class CountTrees:
    """Noisy or not.

    Attributes:
        levels: counts of each level's nodes, the leaves first, the root last.
        arity: children of a node.
    """

    levels: tuple[Float[Tensor, "d nodes"], ...]
    arity: int

    @classmethod
    def of(cls, leaf: Iterable[Int[Tensor, " n"]], height: int, arity: int = 2) -> CountTrees:
        """Exact counts.

        Args:
            leaf: of each point, 0 to arity^height - 1; one coordinate at a time.
        """
        return cls.above(LeafCounts.of(leaf, arity**height).counts, height, arity)

    @classmethod
    def above(cls, leaf_values: Float[Tensor, "d leaves"], height: int, arity: int) -> CountTrees:
        """Sums over some values of the leaves."""
        levels = [leaf_values]
        for _ in range(height):
            levels.append(levels[-1].unflatten(1, (-1, arity)).sum(-1))
        return cls(tuple(levels), arity)

    @property
    def height(self) -> int:
        """Levels below the root."""
        return len(self.levels) - 1

    @property
    def leaves(self) -> int:
        return self.levels[0].shape[1]

    @property
    def touched(self) -> int:
        """Nodes that one record is counted in: a level each, and every tree."""
        return len(self.levels[0]) * len(self.levels)

    def released(self, mechanism: NoiseMechanism, record: float = 1.0) -> CountTrees:
        """With noise on every node, the empty ones too.

        Args:
            record: the most that one record adds to a node.
        """
        flat = torch.cat([level.flatten() for level in self.levels])
        noisy = mechanism.release(flat, record * self.touched ** (1 / mechanism.norm))
        parts = noisy.split([level.numel() for level in self.levels])
        shaped = (part.reshape(len(self.levels[0]), -1) for part in parts)
        return CountTrees(tuple(shaped), self.arity)

    def between(
        self, tree: int, start: Int[Tensor, "*q"], stop: Int[Tensor, "*q"]
    ) -> Float[Tensor, "*q"]:
        """The sum of the fewest nodes that cover the leaves, at most 2 (arity - 1) a level."""
        if self.arity == 2:
            return self._between_binary(tree, start, stop)
        total = torch.zeros(start.shape, dtype=torch.float64, device=start.device)
        for prefix in self._prefixes:
            inner, outer = -(-start // self.arity), stop // self.arity
            apart = inner <= outer
            left = torch.where(apart, inner * self.arity, stop)
            right = torch.where(apart, outer * self.arity, stop)
            row = prefix[tree]
            total += row[left] - row[start] + row[stop] - row[right]
            start, stop = torch.where(apart, inner, 0), torch.where(apart, outer, 0)
        return total

    @cached_property
    def _prefixes(self) -> tuple[Float[Tensor, "d nodes_1"], ...]:
        """Sums of the first nodes of each level."""
        return tuple(torch.nn.functional.pad(level.cumsum(1), (1, 0)) for level in self.levels)

    def _between_binary(
        self, tree: int, start: Int[Tensor, "*q"], stop: Int[Tensor, "*q"]
    ) -> Float[Tensor, "*q"]:
        """By three look-ups: nodes from the start up to the point where start and stop part, which
        are those of the start's whole suffix less those of the point's; and from there to the stop,
        by prefixes."""
        prefix, suffix, both, kept = self._tables
        middle = stop & kept[(start - 1) ^ stop]
        return suffix[tree][start] + prefix[tree][stop] - both[tree][middle]

    @cached_property
    def _tables(
        self,
    ) -> tuple[
        Float[Tensor, "d leaves_1"],
        Float[Tensor, "d leaves_1"],
        Float[Tensor, "d leaves_1"],
        Int[Tensor, " patterns"],
    ]:
        """Over the leaves 0 to L: nodes of [0, i), one for every bit of i that is set; nodes of
        [i, L), one for every bit of i - 1 that is not, nothing for 0; both. Last, by the bits in
        which start - 1 and stop differ, those of stop that the parting point has: from the highest
        of them on. The pattern of start = 0 is negative and takes the last entries: with the point
        at 0, prefixes alone are left."""
        d, leaves = self.levels[0].shape
        device = self.levels[0].device
        prefix = torch.zeros(d, 1, dtype=torch.float64, device=device)
        suffix = prefix  # by i - 1
        for level in reversed(self.levels[:-1]):
            first, second = level.unflatten(1, (-1, 2)).unbind(-1)
            prefix = torch.stack((prefix, prefix + first), -1).flatten(1)
            suffix = torch.stack((suffix + second, suffix), -1).flatten(1)
        prefix = torch.cat((prefix, self.levels[-1]), 1)
        suffix = torch.nn.functional.pad(suffix, (1, 0))
        both = prefix + suffix
        both[:, 0] = 0
        kept = torch.zeros(3 * leaves + 1, dtype=torch.int64, device=device)
        for bit in range(self.height + 1):
            kept[1 << bit : 2 << bit] = -(1 << bit)
        kept[2 * leaves :] = 0
        return prefix, suffix, both, kept


@dataclass(frozen=True)
class LeafCounts:
    """Counts of leaves alone, of which every other count is a sum.

    Attributes:
        counts: of leaves.
    """

    counts: Float[Tensor, "d leaves"]

    @classmethod
    def of(cls, leaf: Iterable[Int[Tensor, " n"]], leaves: int) -> LeafCounts:
        """Exact ones; of each point its leaf, one coordinate at a time."""
        return cls(torch.stack([torch.bincount(c, minlength=leaves) for c in leaf]).double())

    @property
    def leaves(self) -> int:
        return self.counts.shape[1]

    def between(
        self, tree: int, start: Int[Tensor, "*q"], stop: Int[Tensor, "*q"]
    ) -> Float[Tensor, "*q"]:
        row = self._prefix[tree]
        return row[stop] - row[start]

    @cached_property
    def _prefix(self) -> Float[Tensor, "d leaves_1"]:
        return torch.nn.functional.pad(self.counts.cumsum(1), (1, 0))


def node_count(
    start: Int[Tensor, "*q"], stop: Int[Tensor, "*q"], height: int, arity: int = 2
) -> Int[Tensor, "*q"]:
    """How many nodes ``CountTrees.between`` sums."""
    total = torch.zeros_like(start)
    for _ in range(height + 1):
        inner, outer = -(-start // arity), stop // arity
        apart = inner <= outer
        ends = (inner * arity - start) + (stop - outer * arity)
        total += torch.where(apart, ends, stop - start)
        start, stop = torch.where(apart, inner, 0), torch.where(apart, outer, 0)
    return total


def leaf_of(x: Float[Tensor, "*n"], low: float, high: float, leaves: int) -> Int[Tensor, "*n"]:
    """Which of equal parts of [low, high) a coordinate lies in; outside, the nearest.

    Raises:
        InvalidInputError: low is not below high, or one of them is not finite.
    """
    if not -math.inf < low < high < math.inf:
        raise InvalidInputError(f"the range [{low}, {high}]; allowed: finite, low below high.")
    place = (x.double() - low).mul_(leaves / (high - low))
    return place.floor_().clamp_(0, leaves - 1).long()
