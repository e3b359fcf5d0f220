"""Classification by any of the structures (section 11 of the paper): one a class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor

from common.errors import InvalidInputError


class Structure(Protocol):
    """What is released of some points."""

    def query(self, y: Float[Tensor, "q d"]) -> Float[Tensor, " q"]:
        """Of each query a sum or an average over them."""


@dataclass(frozen=True)
class ClassSums:
    """A structure of each class's points.

    Attributes:
        parts: structures.
        weights: what their answers are multiplied by: 1 for average similarities, -1 over the
            number of points for sums of distances.
    """

    parts: tuple[Structure, ...]
    weights: tuple[float, ...]

    @classmethod
    def release(
        cls,
        x: Float[Tensor, "n d"],
        y: Int[Tensor, " n"],
        classes: int,
        build: Callable[[Float[Tensor, "m d"]], Structure],
        *,
        distances: bool,
    ) -> ClassSums:
        """Each class with the whole budget: a record, with its label, is in one of them where
        neighbours have one record more or less. Sizes of classes are public.

        Args:
            build: releases the structure of some points.
            distances: it sums distances; otherwise it averages similarities.

        Raises:
            InvalidInputError: a class without points.
        """
        counts = torch.bincount(y, minlength=classes).tolist()
        if len(counts) > classes or min(counts) == 0:
            raise InvalidInputError(
                f"{counts} points in the classes; allowed: labels 0 to {classes - 1}, one point or "
                "more of each."
            )
        parts = tuple(build(x[y == label]) for label in range(classes))
        weights = tuple(-1 / count if distances else 1.0 for count in counts)
        return cls(parts, weights)

    def scores(self, y: Float[Tensor, "q d"]) -> Float[Tensor, "q classes"]:
        """The larger, the more alike."""
        pairs = zip(self.weights, self.parts, strict=True)
        return torch.stack([weight * part.query(y) for weight, part in pairs], 1)
