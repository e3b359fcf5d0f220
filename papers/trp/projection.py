"""Truncated singular value decomposition of a convolution's weight, and what it gives for free.

The decomposition that cuts a weight to low rank (Section 3.2) also holds the sub-gradient of its
nuclear norm, U V^T (Section 3.3).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from common.compression.forms import ConvForm
from common.compression.ranks import by_energy
from common.compression.truncation import Factors, left_projection, svd


@dataclass(frozen=True)
class Projection:
    """A weight cut to the smallest rank that leaves out at most a part e of its energy.

    Attributes:
        form: how the weight is read as a matrix (channel, spatial), or as one a filter (decoupled).
        factors: cut; of several matrices all to one rank, the largest that one of them needs.
        shape: of the weight.
    """

    form: ConvForm
    factors: Factors
    shape: tuple[int, int, int, int]

    @property
    def rank(self) -> int:
        """Components that are kept; 0 of a weight that is zero."""
        return self.factors.S.shape[-1]

    def weight(self) -> Float[Tensor, "n c h w"]:
        """D(W; e): the weight of low rank."""
        return self.form.weight(self.factors.product(), self.shape)

    def subgradient(self) -> Float[Tensor, "n c h w"]:
        """U_r V_r^T, of the nuclear norm of the cut weight; 0 of a weight that is zero."""
        U, _, Vh = self.factors
        return self.form.weight(U @ Vh, self.shape)

    def nuclear_over_frobenius(self) -> float:
        """Sum of the singular values over their norm: at most the square root of the rank."""
        values = self.factors.S.double()
        norm = torch.linalg.vector_norm(values)
        return float(values.sum() / norm) if norm > 0 else 0.0


@torch.no_grad()
def project(weight: Float[Tensor, "n c h w"], form: ConvForm, left_out: float) -> Projection:
    """Cut a weight.

    Args:
        form: see :class:`Projection`.
        left_out: e, the part of the sum of squared singular values that may go, in [0, 1).

    Raises:
        ValueError: an entry is not finite.
        InvalidInputError: e is out of range.
    """
    return Projection(form, truncate(form.matrix(weight), left_out), tuple(weight.shape))


def truncate(matrix: Float[Tensor, "*batch m n"], left_out: float) -> Factors:
    """Smallest rank that leaves out at most this part of the energy.

    A wide matrix is cut by its m x m Gram matrix, several times faster; its small singular values
    drown in rounding, but those are what is left out.
    """
    wide = matrix.ndim == 2 and 2 * matrix.shape[0] <= matrix.shape[1]
    if not wide or left_out < 1e-3:
        factors = svd(matrix)
        return factors.to_rank(by_energy(factors.S, left_out))
    if not torch.isfinite(matrix).all():
        raise ValueError("the matrix has entries that are not finite")
    vectors, squares = left_projection(matrix)
    values = squares.sqrt()
    rank = by_energy(values, left_out)
    U, S = vectors[:, :rank], values[:rank]
    return Factors(U, S, (U.mT @ matrix) / S[:, None])
