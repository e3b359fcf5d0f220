"""Sums of distances to private points, released once and asked as often as one likes: l1 and l_p^p
by trees of noisy counts (sections 4 and 6 of the paper)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError
from common.recovery.arrays import Array, as_tensor, like
from papers.private_similarity.annuli import Annuli, Weight
from papers.private_similarity.consistency import consistent
from papers.private_similarity.mechanisms import NoiseMechanism
from papers.private_similarity.trees import Counts, CountTrees, leaf_of

Counting = Literal["tree", "consistent"]
LEAVES = 1 << 30


@dataclass(frozen=True)
class DistanceSums:
    """sum_i ||x_i - y||_p^p for any y, from one release.

    In each coordinate the distances from y are cut into annuli that grow by a factor 1 + alpha. The
    points of an annulus are an interval, so a few nodes of a tree of noisy counts; each of them
    counts for the annulus's edge. The noise is drawn at the release: the same query has the same
    answer, and queries cost no budget. Nor do alpha, p and the weights, which may be chosen anew
    for each query.

    Attributes:
        trees: noisy counts, a tree a coordinate.
        low: of the range of every coordinate.
        high: of it.
    """

    trees: CountTrees
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
        arity: int = 2,
    ) -> DistanceSums:
        """Count, add noise, forget the points.

        Neither the range nor the height may be read off the points. Points outside the range are
        moved to its border.

        Args:
            x: (n, d), or (n,) on a line; float32 or float64.
            height: h of trees of arity^h leaves; rounding to leaves moves a sum by at most n d R /
                arity^h.

        Raises:
            InvalidInputError: whole numbers, NaN, infinity, no rows; no range; no height.
        """
        points = rows(x, "x")
        if not all(isinstance(number, Integral) for number in (height, arity)) or (
            height < 1 or arity < 2 or arity**height > LEAVES
        ):
            raise InvalidInputError(
                f"height={height}, arity={arity}; allowed: whole numbers, 1 or more and 2 or more, "
                f"arity^height at most {LEAVES}."
            )
        leaf = (leaf_of(column, low, high, arity**height) for column in points.unbind(1))
        return cls(CountTrees.of(leaf, height, arity).released(mechanism), low, high)

    def query(
        self,
        y: Array,
        alpha: float = 0.1,
        *,
        p: float = 1.0,
        weight: Weight = "upper",
        counts: Counting = "tree",
    ) -> Array:
        """Of each query the sum.

        Without noise it is between the sum of rounded distances and (1 + alpha)^p times it, with
        ``upper`` weights. A query outside the range is moved to its border, as points are: what it
        lies outside by is not added.

        Args:
            y: (q, d), or (q,) on a line.
            counts: as released, or made ``consistent``, which costs nothing (beyond the paper).

        Returns:
            (q,), float64, of the kind of y.
        """
        asked = asked_rows(y, self.dimensions)
        if counts not in ("tree", "consistent"):
            raise InvalidInputError(f"counts={counts!r}; allowed: 'tree' or 'consistent'.")
        source: Counts = self.trees if counts == "tree" else self._consistent
        annuli = Annuli(self.trees.leaves, alpha, weight, p)
        leaf = leaf_of(asked, self.low, self.high, self.trees.leaves).to(
            self.trees.levels[0].device
        )
        total = sum(annuli.sums(source, i, leaf[:, i]) for i in range(self.dimensions))
        return like(((self.high - self.low) ** p * total).to(asked.device), y)

    @property
    def dimensions(self) -> int:
        """d."""
        return len(self.trees.levels[0])

    def deviation(
        self,
        y: Array,
        mechanism: NoiseMechanism,
        alpha: float = 0.1,
        *,
        p: float = 1.0,
        weight: Weight = "upper",
    ) -> Array:
        """Of the noise in the answers, in closed form: R^p s sqrt(sum of w_j^2 m_j), s the
        deviation on a node.

        Args:
            mechanism: that of the release.
        """
        asked = asked_rows(y, self.dimensions)
        trees = self.trees
        annuli = Annuli(trees.leaves, alpha, weight, p)
        leaf = leaf_of(asked, self.low, self.high, trees.leaves)
        variance = sum(annuli.variance(c, trees.height, trees.arity) for c in leaf.unbind(1))
        node = mechanism.deviation(trees.touched ** (1 / mechanism.norm))
        return like((self.high - self.low) ** p * node * variance.sqrt(), y)

    @cached_property
    def _consistent(self) -> Counts:
        return consistent(self.trees)


def rows(array: Array, name: str) -> Float[Tensor, "n d"]:
    """A matrix of finite numbers with at least one row and column; a vector is one column.

    Raises:
        InvalidInputError: it is none.
    """
    # Tensors cannot share a view that runs backwards.
    given = np.ascontiguousarray(array) if isinstance(array, np.ndarray) else array
    tensor = torch.as_tensor(given)
    # NaN and infinity stay in a sum, and one pass is enough; finite numbers may overflow it.
    if tensor.dtype not in (torch.float32, torch.float64) or not bool(tensor.sum().isfinite()):
        tensor = as_tensor(given, name)
    tensor = tensor[:, None] if tensor.ndim == 1 else tensor
    if tensor.ndim != 2 or not tensor.numel():
        raise InvalidInputError(
            f"{name} of shape {tuple(tensor.shape)}; wanted: (rows, coordinates), one of each at "
            "least."
        )
    return tensor


def asked_rows(y: Array, dimensions: int) -> Float[Tensor, "q d"]:
    """Queries, of as many coordinates as the points.

    Raises:
        InvalidInputError: they are not, or none at all.
    """
    asked = rows(y, "y")
    if asked.shape[1] != dimensions:
        raise InvalidInputError(
            f"y has {asked.shape[1]} coordinates; the points have {dimensions}."
        )
    return asked


def finite_positive(value: float, name: str) -> float:
    """A number above 0.

    Raises:
        InvalidInputError: it is none.
    """
    if not 0 < value < math.inf:
        raise InvalidInputError(f"{name}={value}; allowed: above 0, and finite.")
    return value
