"""Fourier bases: cosines and sines over a window that slides along ("How to Train Your HiPPO").

The state is ordered cos 0, sin 0, cos 1, sin 1, ...; n is even, and sin 0 = 0 is a dead row. With

    S_{2m+1,2m} = pi m,   S_{2m,2m+1} = -pi m,   b = (1, 0, sqrt2, 0, sqrt2, 0, ...)

    fout            S - b b^T,    b     cos(pi m t)/sqrt2 and sin, on [0, 2], 0 after (as n grows)
    fourier2        2S - 2 b b^T, 2b    the same on [0, 1]: 1, sqrt2 cos(2 pi m t), sqrt2 sin
    fourier_decay   S - b b^T/2,  b/2   half of the correction: each period weighs less
    fourier_diag    2S - I/2,     b     no correction ("FouD"): damped oscillations without end

(fout's cos 0 is 1/2.) S alone accumulates a Fourier series of the whole past. u(t - 2), which has
to leave the window, is b^T x up to truncation, and the rank-one term subtracts it.
"""

import math

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from common.kernels.hippo.size import check_size


def fout(n: int) -> tuple[Float[Tensor, "{n} {n}"], Float[Tensor, " {n}"]]:
    """FouT, the truncated Fourier basis on [0, 2]: ``(A, B)`` in float64.

    Raises:
        ValueError: n is odd or below 1; so for all of this module.
    """
    S, b = _rotation_and_ends(n)
    return S - torch.outer(b, b), b


def fourier2(n: int) -> tuple[Float[Tensor, "{n} {n}"], Float[Tensor, " {n}"]]:
    """:func:`fout` on [0, 1], both matrices doubled: the paper's own normalisation."""
    A, B = fout(n)
    return 2 * A, 2 * B


def fourier_decay(n: int) -> tuple[Float[Tensor, "{n} {n}"], Float[Tensor, " {n}"]]:
    """Half of FouT's rank-one term, and half of its B."""
    S, b = _rotation_and_ends(n)
    return S - torch.outer(b, b) / 2, b / 2


def fourier_diag(n: int) -> tuple[Float[Tensor, "{n} {n}"], Float[Tensor, " {n}"]]:
    """FouD: frequencies 2 pi m with decay 1/2. A is normal, S4D's diagonal Fourier start."""
    S, b = _rotation_and_ends(n)
    return 2 * S - torch.eye(n, dtype=torch.float64) / 2, b


def fout_low_rank(n: int) -> Float[Tensor, "1 {n}"]:
    """P = b^T with A = S - P^T P."""
    return _rotation_and_ends(n)[1][None]


def rotation_modes(n: int) -> tuple[Float[Tensor, " {n}"], Complex[Tensor, "{n} {n}"]]:
    """``S = V diag(i w) V*`` in closed form: w ascending, V unitary in complex128.

    -i pi m belongs to (1, i)/sqrt2 on the rows of its cosine and sine. The eigenvalue 0 is double;
    the same formula gives it conjugate vectors, which an eigensolver would not, so that half of
    the modes still stands for the real system.
    """
    check_size(n, even=True)
    m = torch.arange(n // 2 - 1, -1, -1)
    w = -math.pi * m.double()
    V = torch.zeros(n, n // 2, dtype=torch.complex128)
    column = torch.arange(n // 2)
    V[2 * m, column] = 0.5**0.5
    V[2 * m + 1, column] = 1j * 0.5**0.5
    return torch.cat([w, -w.flip(0)]), torch.cat([V, V.conj().flip(1)], dim=1)


def _rotation_and_ends(n):
    check_size(n, even=True)
    b = torch.zeros(n, dtype=torch.float64)
    b[0::2] = 2**0.5
    b[0] = 1
    speed = torch.zeros(n - 1, dtype=torch.float64)
    speed[0::2] = math.pi * torch.arange(n // 2, dtype=torch.float64)
    return torch.diag(speed, -1) - torch.diag(speed, 1), b
