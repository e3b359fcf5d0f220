"""A state-space system seen from its eigenvectors.

With x = V z the system (A, B, C) becomes (diag(lam), V^-1 B, C V), with the same transfer function.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from common.errors import InvalidInputError


@dataclass(frozen=True)
class ModalBasis:
    """Eigenvalues, eigenvectors and the way into their basis; double precision.

    Attributes:
        lam: m eigenvalues: all n, or n/2 when one of each conjugate pair is kept.
        V: eigenvectors as columns (n, m).
        to_modal: X -> V^-1 X for X of shape (n, k); never assumes that V is unitary.
        B: the system's own input vector, in the original basis.
        low_rank: P of A = V diag(lam) V* - P^T P; None where diag(lam) is the whole of A.
        halved: whether lam holds one of each conjugate pair.
    """

    lam: Complex[Tensor, " m"]
    V: Complex[Tensor, "n m"]
    to_modal: Callable[[Tensor], Complex[Tensor, "m k"]]
    B: Float[Tensor, " n"] | Complex[Tensor, " n"]
    low_rank: Float[Tensor, "rank n"] | None = None
    halved: bool = False

    @property
    def order(self) -> int:
        """n, the size of the original system."""
        return self.V.shape[0]

    def input_modal(self) -> Complex[Tensor, " m"]:
        """V^-1 B."""
        return self.to_modal(self.B[:, None])[:, 0]


def diagonal_basis(lam: Complex[Tensor, " m"], B: Complex[Tensor, " m"]) -> ModalBasis:
    """A system given by its eigenvalues, one of each conjugate pair: its basis is the modal one."""
    lam, B = lam.to(torch.complex128), B.to(torch.complex128)
    V = torch.eye(len(lam), dtype=torch.complex128)
    return ModalBasis(lam, V, lambda X: X.to(V.dtype), B, halved=True)


def halve(basis: ModalBasis) -> ModalBasis:
    """Keep one of each conjugate pair of a real system, Im > 0; outputs are then 2 Re(.).

    A pair at a real eigenvalue counts if its eigenvectors are conjugates of each other.

    Raises:
        InvalidInputError: the spectrum does not consist of conjugate pairs.
    """
    upper = torch.nonzero(basis.lam.imag > 0)[:, 0].tolist()
    real = torch.nonzero(basis.lam.imag == 0)[:, 0].tolist()
    paired = len(real) % 2 == 0 and all(
        torch.allclose(basis.V[:, a], basis.V[:, b].conj())
        for a, b in zip(real[: len(real) // 2], reversed(real), strict=False)
    )
    kept = sorted(upper + real[len(real) // 2 :]) if paired else upper
    if 2 * len(kept) != len(basis.lam):
        raise InvalidInputError(
            f"{len(basis.lam)} eigenvalues are not conjugate pairs ({len(upper)} lie above the "
            "real axis); use an even state size a block, or conj_sym=false."
        )
    return ModalBasis(
        lam=basis.lam[kept],
        V=basis.V[:, kept],
        to_modal=lambda X: basis.to_modal(X)[kept],
        B=basis.B,
        low_rank=basis.low_rank,
        halved=True,
    )


def real_pairs(X: Complex[Tensor, "*shape"]) -> Float[Tensor, "*shape 2"]:
    """A complex64 array as real and imaginary parts, the form in which parameters are kept:
    optimisers, weight decay and mixed precision treat real tensors best."""
    return torch.view_as_real(X.to(torch.complex64).contiguous()).clone()
