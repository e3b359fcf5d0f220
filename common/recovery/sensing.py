"""Linear measurements y_i = <A_i, M> of a matrix, their adjoint, and both in turn."""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import copy
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from common.errors import InvalidInputError


class Sensing(ABC):
    """A linear map from matrices to m numbers; all methods take batches of either.

    Attributes:
        shape: n1, n2, of the matrices.
    """

    shape: tuple[int, int]

    @abstractmethod
    def apply(self, matrix: Float[Tensor, "*b n1 n2"]) -> Float[Tensor, "*b m"]:
        """A(M)_i = <A_i, M>."""

    @abstractmethod
    def adjoint(self, measured: Float[Tensor, "*b m"]) -> Float[Tensor, "*b n1 n2"]:
        """A*(z) = sum_i z_i A_i."""

    def normal(self, matrix: Float[Tensor, "*b n1 n2"]) -> Float[Tensor, "*b n1 n2"]:
        """A*(A(M))."""
        return self.adjoint(self.apply(matrix))

    def to(self, device: torch.device) -> Sensing:
        """The same on a device."""
        return self


class Population(Sensing):
    """Every entry is measured, so that A*A is the identity: matrix factorisation."""

    def __init__(self, shape: tuple[int, int]):
        self.shape = shape

    def apply(self, matrix: Float[Tensor, "*b n1 n2"]) -> Float[Tensor, "*b m"]:
        return matrix.flatten(-2)

    def adjoint(self, measured: Float[Tensor, "*b m"]) -> Float[Tensor, "*b n1 n2"]:
        return measured.unflatten(-1, self.shape)

    def normal(self, matrix: Float[Tensor, "*b n1 n2"]) -> Float[Tensor, "*b n1 n2"]:
        return matrix


class Dense(Sensing):
    """Matrices A_i that are held whole: 8 m n1 n2 bytes in float64.

    Args:
        matrices: A_i.
    """

    def __init__(self, matrices: Float[Tensor, "m n1 n2"]):
        if matrices.ndim != 3 or not matrices.numel():
            raise InvalidInputError(
                f"sensing matrices of shape {tuple(matrices.shape)}; wanted: (m, n1, n2), none 0."
            )
        self.shape = (matrices.shape[1], matrices.shape[2])
        self.rows = matrices.flatten(1)

    def apply(self, matrix: Float[Tensor, "*b n1 n2"]) -> Float[Tensor, "*b m"]:
        return matrix.flatten(-2) @ self.rows.mT

    def adjoint(self, measured: Float[Tensor, "*b m"]) -> Float[Tensor, "*b n1 n2"]:
        return (measured @ self.rows).unflatten(-1, self.shape)

    def normal(self, matrix: Float[Tensor, "*b n1 n2"]) -> Float[Tensor, "*b n1 n2"]:
        """A*(A(M)); with m > n1 n2 / 2 by the matrix A^T A, which then has fewer numbers to read
        than A twice."""
        measurements, entries = self.rows.shape
        if 2 * measurements <= entries:
            return super().normal(matrix)
        return (matrix.flatten(-2) @ self.gram).unflatten(-1, self.shape)

    @cached_property
    def gram(self) -> Float[Tensor, "n1_n2 n1_n2"]:
        """A^T A over the entries of a matrix."""
        return self.rows.mT @ self.rows

    def to(self, device: torch.device) -> Dense:
        return Dense(self.rows.to(device).unflatten(-1, self.shape))

    def symmetrised(self) -> Dense:
        """The measurements by (A_i + A_i^T) / 2: the same of symmetric matrices."""
        if self.shape[0] != self.shape[1]:
            raise InvalidInputError(f"matrices of {self.shape} have no symmetric part.")
        matrices = self.rows.unflatten(-1, self.shape)
        return Dense((matrices + matrices.mT) / 2)


class Packed(Sensing):
    """Measurements of symmetric matrices, by the upper triangles of the A_i: half of ``Dense``.

    Args:
        dense: of square matrices; their symmetric parts are kept, which measure the same.
    """

    def __init__(self, dense: Dense):
        size = dense.shape[0]
        matrices = dense.symmetrised().rows
        row, column = torch.triu_indices(size, size, device=matrices.device)
        self.shape = dense.shape
        self.upper = row * size + column
        self.place = torch.empty(size, size, dtype=torch.long, device=matrices.device)
        self.place[row, column] = self.place[column, row] = torch.arange(
            len(row), device=matrices.device
        )
        # An entry off the diagonal stands for two.
        self.times = torch.where(row == column, 1.0, 2.0).to(matrices)
        self.rows = matrices[:, self.upper] * self.times

    def apply(self, matrix: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b m"]:
        """A(M)_i = <A_i, M>; of M the upper triangle is read."""
        return matrix.flatten(-2)[..., self.upper] @ self.rows.mT

    def adjoint(self, measured: Float[Tensor, "*b m"]) -> Float[Tensor, "*b n n"]:
        """sum_i z_i (A_i + A_i^T) / 2."""
        return (measured @ self.rows / self.times)[..., self.place]

    def to(self, device: torch.device) -> Packed:
        moved = copy(self)
        for name in ("upper", "place", "times", "rows"):
            setattr(moved, name, getattr(self, name).to(device))
        return moved

    def select(self, which: Bool[Tensor, " m"]) -> Packed:
        """Some of the measurements."""
        chosen = copy(self)
        chosen.rows = self.rows[which]
        return chosen


def gaussian(
    measurements: int,
    shape: tuple[int, int],
    rng: np.random.Generator,
    deviation: float | None = None,
) -> Dense:
    """Independent normal entries, float64.

    Args:
        deviation: of an entry; None takes 1 / sqrt(m), with which A*A is the identity in the mean.
    """
    if measurements < 1:
        raise InvalidInputError(f"{measurements} measurements; allowed: 1 or more.")
    deviation = measurements**-0.5 if deviation is None else deviation
    return Dense(torch.from_numpy(deviation * rng.standard_normal((measurements, *shape))))
