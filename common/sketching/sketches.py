"""Random maps S of n rows to s, E[S^T S] = I; applied to the second last dimension of a batch.

Drawn by NumPy, the same on every device. One S serves all matrices of a batch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from common.errors import InvalidInputError
from common.kernels.hadamard import walsh_hadamard


class Sketch(ABC):
    """A map of matrices of ``n`` rows."""

    @abstractmethod
    def apply(self, matrix: Float[Tensor, "*b n k"]) -> Float[Tensor, "*b s k"]:
        """S A."""


@dataclass(frozen=True)
class DenseSketch(Sketch):
    """S held whole."""

    matrix: Float[Tensor, "s n"]

    def apply(self, matrix: Float[Tensor, "*b n k"]) -> Float[Tensor, "*b s k"]:
        return self.matrix.to(matrix) @ matrix


@dataclass(frozen=True)
class CountSketch(Sketch):
    """Every row goes to one of s, its sign drawn: n k additions.

    Attributes:
        rows: s.
        place: of each row.
        sign: of each row.
    """

    rows: int
    place: Int[Tensor, " n"]
    sign: Float[Tensor, " n"]

    def apply(self, matrix: Float[Tensor, "*b n k"]) -> Float[Tensor, "*b s k"]:
        found = matrix.new_zeros(*matrix.shape[:-2], self.rows, matrix.shape[-1])
        signed = matrix * self.sign.to(matrix)[:, None]
        return found.index_add_(-2, self.place.to(matrix.device), signed)


@dataclass(frozen=True)
class HadamardSketch(Sketch):
    """Signs, a Walsh-Hadamard transform, s of its rows without repetition (SRHT).

    Attributes:
        sign: of each row.
        size: rows after filling up with zeros, a power of 2.
        chosen: s of these.
    """

    sign: Float[Tensor, " n"]
    size: int
    chosen: Int[Tensor, " s"]

    def apply(self, matrix: Float[Tensor, "*b n k"]) -> Float[Tensor, "*b s k"]:
        signed = (matrix * self.sign.to(matrix)[:, None]).mT
        filled = torch.nn.functional.pad(signed, (0, self.size - signed.shape[-1]))
        mixed = walsh_hadamard(filled)[..., self.chosen.to(matrix.device)].mT
        return mixed * (self.size / len(self.chosen)) ** 0.5


def gaussian(rows: int, columns: int, rng: np.random.Generator) -> DenseSketch:
    """Entries N(0, 1 / s)."""
    _check(rows, columns)
    return DenseSketch(torch.from_numpy(rng.standard_normal((rows, columns)) / rows**0.5))


def very_sparse(
    rows: int, columns: int, rng: np.random.Generator, sparsity: float | None = None
) -> DenseSketch:
    """Entries sqrt(q / s) times -1, 0, 1 with probabilities 1/(2q), 1 - 1/q, 1/(2q) (Achlioptas at
    q = 3; Li, Hastie and Church at q = sqrt(n), the default)."""
    _check(rows, columns)
    q = max(1.0, columns**0.5 if sparsity is None else sparsity)
    drawn = rng.random((rows, columns))
    entries = np.sign(drawn - 0.5) * (np.abs(drawn - 0.5) > 0.5 - 0.5 / q)
    return DenseSketch(torch.from_numpy(entries * (q / rows) ** 0.5))


def count(rows: int, columns: int, rng: np.random.Generator) -> CountSketch:
    """See ``CountSketch``."""
    _check(rows, columns)
    place = torch.from_numpy(rng.integers(rows, size=columns))
    return CountSketch(rows, place, _signs(columns, rng))


def hadamard(rows: int, columns: int, rng: np.random.Generator) -> HadamardSketch:
    """See ``HadamardSketch``."""
    _check(rows, columns)
    size = 1 << (columns - 1).bit_length()
    if rows > size:
        raise InvalidInputError(f"{rows} rows of {size} transformed ones; allowed: 1 to {size}.")
    chosen = torch.from_numpy(rng.choice(size, rows, replace=False))
    return HadamardSketch(_signs(columns, rng), size, chosen)


KINDS = {"gaussian": gaussian, "count": count, "hadamard": hadamard, "very_sparse": very_sparse}


def _signs(size: int, rng: np.random.Generator) -> Float[Tensor, " n"]:
    return torch.from_numpy(2.0 * rng.integers(2, size=size) - 1.0)


def _check(rows: int, columns: int) -> None:
    if min(rows, columns) < 1:
        raise InvalidInputError(
            f"a sketch of {columns} rows to {rows}; allowed: 1 or more of both."
        )
