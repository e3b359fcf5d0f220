"""A weight cut into subvectors of length m, for vector quantisation, and put together again."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from common.errors import InvalidInputError

ALONG_OUT, ALONG_IN = "along_out", "along_in"


@dataclass(frozen=True)
class Layout:
    """Which entries of a weight make a subvector.

    Attributes:
        size: m, entries of a subvector.
        order: ``along_out``: m consecutive outputs at one input and kernel position;
            ``along_in``: m consecutive entries of one filter, inputs and kernel flattened.
    """

    size: int
    order: str = ALONG_OUT

    def __post_init__(self) -> None:
        if self.size < 1:
            raise InvalidInputError(f"size={self.size}; allowed: 1 or more.")
        if self.order not in (ALONG_OUT, ALONG_IN):
            raise InvalidInputError(f"order={self.order!r}; allowed: {ALONG_OUT}, {ALONG_IN}.")

    def cut(self, weight: Float[Tensor, "out *rest"]) -> Float[Tensor, "n {self.size}"]:
        """Subvectors, a row each; the last ones are filled with zeros where m does not divide."""
        matrix = self._matrix(weight)
        matrix = F.pad(matrix, (0, -matrix.shape[1] % self.size))
        return matrix.reshape(-1, self.size)

    def join(
        self, rows: Float[Tensor, "n {self.size}"], shape: torch.Size
    ) -> Float[Tensor, "out *rest"]:
        """The weight of this shape whose subvectors are these; what was filled is cut off."""
        out, rest = shape[0], shape[1:].numel()
        lines, length = (rest, out) if self.order == ALONG_OUT else (out, rest)
        matrix = rows.reshape(lines, -1)[:, :length]
        return (matrix.mT if self.order == ALONG_OUT else matrix).reshape(shape)

    def count(self, shape: torch.Size) -> int:
        """Number of subvectors of a weight of this shape."""
        out, rest = shape[0], shape[1:].numel()
        lines, length = (rest, out) if self.order == ALONG_OUT else (out, rest)
        return lines * -(-length // self.size)

    def _matrix(self, weight: Tensor) -> Tensor:
        flat = weight.flatten(1)
        return flat.mT if self.order == ALONG_OUT else flat
