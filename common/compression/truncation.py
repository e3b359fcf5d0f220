"""Best low-rank approximations of matrices."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor


class Factors(NamedTuple):
    """``U diag(S) V^T``, singular values descending.

    Attributes:
        U: orthonormal columns, (..., rows, rank).
        S: singular values, (..., rank).
        Vh: orthonormal rows, (..., rank, columns).
    """

    U: Float[Tensor, "*batch m r"]
    S: Float[Tensor, "*batch r"]
    Vh: Float[Tensor, "*batch r n"]

    def to_rank(self, rank: int) -> Factors:
        """Its largest ``rank`` components: the best approximation of that rank (Eckart-Young)."""
        return Factors(self.U[..., :rank], self.S[..., :rank], self.Vh[..., :rank, :])

    def product(self) -> Float[Tensor, "*batch m n"]:
        """The matrix."""
        return (self.U * self.S[..., None, :]) @ self.Vh

    def balanced(self) -> tuple[Float[Tensor, "*batch m r"], Float[Tensor, "*batch r n"]]:
        """Two factors with the same singular values, sqrt(S) on each side."""
        root = self.S.sqrt()
        return self.U * root[..., None, :], root[..., :, None] * self.Vh


def svd(matrix: Float[Tensor, "*batch m n"]) -> Factors:
    """Singular value decomposition, in at least float32, of one matrix or a batch.

    Raises:
        ValueError: an entry is not finite.
    """
    if not torch.isfinite(matrix).all():
        raise ValueError("the matrix has entries that are not finite")
    precise = matrix.float() if matrix.dtype in (torch.float16, torch.bfloat16) else matrix
    return Factors(*torch.linalg.svd(precise, full_matrices=False))


def left_projection(
    matrix: Float[Tensor, "m n"],
) -> tuple[Float[Tensor, "m m"], Float[Tensor, " m"]]:
    """Left singular vectors and squared singular values, descending, from the m x m Gram matrix.

    ``U_r U_r^T matrix`` is then the best approximation of rank r. For m much below n several times
    faster than :func:`svd`. The Gram matrix squares the condition number: it is made in float64,
    whose 1e-16 is the square of the 1e-8 to which float32 knows a matrix; of a float64 matrix
    singular values below 1e-8 of the largest drown in rounding.
    """
    precise = matrix.double()
    values, vectors = torch.linalg.eigh(precise @ precise.mT)
    return vectors.flip(-1).to(matrix.dtype), values.flip(-1).clamp_min(0).to(matrix.dtype)
