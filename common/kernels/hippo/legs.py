"""The HiPPO-LegS system and the normal matrix it differs from by rank one.

Gu et al., "HiPPO" (2020) and "S4" (2022, appendix C). Indices start at 0:

    (A_H)_ij = -sqrt(2i+1) sqrt(2j+1)  (i > j),   -(i+1)  (i = j),   0  (i < j)
    (B_H)_i  =  sqrt(2i+1)
    A_H = A_perp - p p^T,   p_i = sqrt(i + 1/2) = (B_H)_i / sqrt(2),   A_perp = -I/2 + skew part

Two systems share these matrices, and each has its own basis, with L_n(x) = sqrt(2n+1) P_n(2x - 1):

    time-invariant   x' = A x + B u           e^{tA} B = e^{-t} L_n(e^{-t}), orthonormal under the
                                              weight e^{-t}: exponentially warped ("How to Train
                                              Your HiPPO", 2023); this is what S4 runs
    time-varying     x' = (A x + B u)/t       L_n(s/t), orthonormal under the uniform weight on
                                              [0, t]: HiPPO-LegS of 2020; the time warp log t turns
                                              it into the one above
"""

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from common.kernels.hippo.size import check_size


def legs(
    n: int, dtype: torch.dtype = torch.float64, device: torch.device | str | None = None
) -> tuple[Float[Tensor, "{n} {n}"], Float[Tensor, " {n}"]]:
    """``(A_H, B_H)`` of size n. Exact eigenvectors of A_H are out of reach of floating point from
    n = 32 on (their condition number grows exponentially): see :func:`diagonalise_normal`."""
    check_size(n)
    index = torch.arange(n, dtype=torch.float64, device=device)
    B = torch.sqrt(2 * index + 1)
    A = -torch.tril(torch.outer(B, B), diagonal=-1) - torch.diag(index + 1)
    return A.to(dtype), B.to(dtype)


def legs_low_rank(
    n: int, dtype: torch.dtype = torch.float64, device: torch.device | str | None = None
) -> Float[Tensor, " {n}"]:
    """``p`` with ``A_H = A_perp - p p^T``."""
    check_size(n)
    return torch.sqrt(torch.arange(n, dtype=torch.float64, device=device) + 0.5).to(dtype)


def legs_normal(
    n: int, dtype: torch.dtype = torch.float64, device: torch.device | str | None = None
) -> Float[Tensor, "{n} {n}"]:
    """``A_perp = A_H + p p^T``: -1/2 on the diagonal, skew-symmetric off it."""
    check_size(n)
    p = legs_low_rank(n, device=device)
    outer = torch.outer(p, p)
    skew = torch.triu(outer, diagonal=1) - torch.tril(outer, diagonal=-1)
    return (skew - 0.5 * torch.eye(n, dtype=p.dtype, device=device)).to(dtype)


def diagonalise_normal(
    n: int, device: torch.device | str | None = None
) -> tuple[Complex[Tensor, " {n}"], Complex[Tensor, "{n} {n}"]]:
    """``A_perp = V diag(lam) V*`` with unitary V, in complex128.

    ``-i (A_perp + I/2)`` is Hermitian, so its solver returns real w (ascending) and orthonormal V
    to working precision, and lam = -1/2 + i w has its real part exactly; a general eigensolver
    gives neither. The spectrum is symmetric: ``lam[k] = conj(lam[n - 1 - k])``.
    """
    skew = legs_normal(n, device=device) + 0.5 * torch.eye(n, dtype=torch.float64, device=device)
    frequencies, V = torch.linalg.eigh(-1j * skew)
    return torch.complex(torch.full_like(frequencies, -0.5), frequencies), V
