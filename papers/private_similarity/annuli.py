"""Distances from a leaf, cut where they grow by a factor 1 + alpha."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from common.errors import InvalidInputError
from papers.private_similarity.trees import Counts, node_count

Weight = Literal["upper", "geometric", "lower"]
_EXPONENTS = {"upper": 0.0, "geometric": 0.5, "lower": 1.0}


@dataclass(frozen=True)
class Annuli:
    """(R / (1 + alpha)^(j + 1), R / (1 + alpha)^j] for j = 0, 1, ... down to one leaf, on both
    sides; those without a leaf are left out.

    Attributes:
        leaves: L, of the range.
        alpha: above 0.
        weight: what a point of an annulus counts for: its ``upper`` edge, so that no distance is
            taken for less; its ``lower``; or between them.
        power: p, of the distance.
    """

    leaves: int
    alpha: float
    weight: Weight = "upper"
    power: float = 1.0

    def __post_init__(self) -> None:
        if not 1 < 1 + self.alpha < math.inf:
            raise InvalidInputError(
                f"alpha={self.alpha}; allowed: above 0, so that 1 + alpha is above 1, and finite."
            )
        if self.weight not in _EXPONENTS:
            raise InvalidInputError(
                f"weight={self.weight!r}; allowed: {', '.join(map(repr, _EXPONENTS))}."
            )
        if not 1 <= self.power < math.inf:
            raise InvalidInputError(f"p={self.power}; allowed: 1 or more, and finite.")

    @cached_property
    def _offsets_and_indices(self) -> tuple[list[int], list[int]]:
        """Outer edges in leaves, ascending and all different, and which j each is of."""
        offsets, indices = [], []
        j, edge = 0, self.leaves
        while edge >= 1:
            # Of the annuli that end at this leaf the last; those before it have no leaf.
            j = max(j, math.floor(math.log(self.leaves / edge) / math.log1p(self.alpha)) - 1)
            while self._edge(j + 1) >= edge:
                j += 1
            offsets.append(edge)
            indices.append(j)
            j, edge = j + 1, self._edge(j + 1)
        return offsets[::-1], indices[::-1]

    def _edge(self, j: int) -> int:
        return math.floor(self.leaves / (1 + self.alpha) ** j)

    @cached_property
    def offsets(self) -> Int[Tensor, " annuli"]:
        """Outer edges in leaves, ascending."""
        return torch.tensor(self._offsets_and_indices[0])

    @cached_property
    def weights(self) -> Float[Tensor, " annuli"]:
        """Of a range of length 1."""
        index = torch.tensor(self._offsets_and_indices[1], dtype=torch.float64)
        return (1 + self.alpha) ** (-self.power * (index + _EXPONENTS[self.weight]))

    def borders(
        self, leaf: Int[Tensor, " q"]
    ) -> tuple[tuple[Int[Tensor, "q annuli"], Int[Tensor, "q annuli"]], ...]:
        """Where each annulus starts and stops, left of a leaf and right of it; in the range."""
        outer = self.offsets.to(leaf.device)
        inner = torch.nn.functional.pad(outer[:-1], (1, 0))
        at = leaf[:, None]
        left = (at - outer).clamp(min=0), (at - inner).clamp(min=0)
        right = (at + inner + 1).clamp(max=self.leaves), (at + outer + 1).clamp(max=self.leaves)
        return left, right

    def sums(self, counts: Counts, tree: int, leaf: Int[Tensor, " q"]) -> Float[Tensor, " q"]:
        """Sum of w_j N_j over both sides."""
        weights = self.weights.to(leaf.device)
        return sum(
            counts.between(tree, start, stop) @ weights for start, stop in self.borders(leaf)
        )

    def variance(self, leaf: Int[Tensor, " q"], height: int, arity: int = 2) -> Float[Tensor, " q"]:
        """Of ``sums`` on a tree whose nodes have noise of variance 1: sum of w_j^2 m_j, m_j the
        nodes of an annulus. Annuli are disjoint, and so are their nodes."""
        squares = self.weights.square().to(leaf.device)
        return sum(
            node_count(start, stop, height, arity).double() @ squares
            for start, stop in self.borders(leaf)
        )
