"""Matrices of a given spectrum, to be recovered; drawn by NumPy, the same on every device."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError


def orthonormal(rows: int, columns: int, rng: np.random.Generator) -> Float[Tensor, "rows columns"]:
    """Columns of a Haar orthogonal matrix, float64: Q of a normal matrix, R's diagonal positive.

    Raises:
        InvalidInputError: more columns than rows.
    """
    if not 0 < columns <= rows:
        raise InvalidInputError(
            f"{columns} orthonormal columns of {rows} entries; allowed: 1 to {rows}."
        )
    q, r = np.linalg.qr(rng.standard_normal((rows, columns)))
    return torch.from_numpy(q * np.sign(np.diag(r)))


def diagonal(
    values: Sequence[float], rows: int, columns: int | None = None
) -> Float[Tensor, "rows columns"]:
    """diag(values) in the upper left corner, zeros elsewhere; square if columns is None."""
    columns = rows if columns is None else columns
    _check(values, min(rows, columns))
    found = torch.zeros(rows, columns, dtype=torch.float64)
    found.diagonal()[: len(values)] = torch.tensor(values, dtype=torch.float64)
    return found


def low_rank(
    values: Sequence[float], rows: int, columns: int, rng: np.random.Generator
) -> Float[Tensor, "rows columns"]:
    """U diag(values) V^T with Haar U, drawn first, and V."""
    _check(values, min(rows, columns))
    left, right = (orthonormal(size, len(values), rng) for size in (rows, columns))
    return left * torch.tensor(values, dtype=torch.float64) @ right.mT


def positive_semidefinite(
    values: Sequence[float], size: int, rng: np.random.Generator
) -> Float[Tensor, "size size"]:
    """V diag(values) V^T with Haar V."""
    _check(values, size)
    basis = orthonormal(size, len(values), rng)
    return basis * torch.tensor(values, dtype=torch.float64) @ basis.mT


def _check(values: Sequence[float], most: int) -> None:
    if not 0 < len(values) <= most or not all(0 < value < math.inf for value in values):
        raise InvalidInputError(
            f"singular values {list(values)}; allowed: 1 to {most} of them, each above 0, finite."
        )
