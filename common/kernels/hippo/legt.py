"""HiPPO-LegT, translated Legendre polynomials: the last two units of time, weighted equally.

Gu et al., "HiPPO" (2020), section 2.3, in the normalisation of "How to Train Your HiPPO" (2023),
whose window is [0, 2]: its mean time is then 1, that of LegS. With R_n = sqrt(2n+1),

    A_nk = -R_n R_k/2 * {1 (k <= n), (-1)^{n-k} (k > n)},   B_n = R_n/2
    K_n(t) = (e^{tA} B)_n  ->  (R_n/2) P_n(1 - t) on [0, 2], 0 after

as n grows. C_n = (-1)^n R_n reads u(t - 2) off the state, by the [n-1/n] Pade approximant of
e^{-2s}: Voelker's Legendre Memory Unit (2019) up to scaling.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from common.kernels.hippo.size import check_size


def legt(n: int) -> tuple[Float[Tensor, "{n} {n}"], Float[Tensor, " {n}"]]:
    """``(A, B)`` in float64, window [0, 2].

    Raises:
        ValueError: n is below 1.
    """
    check_size(n)
    R, sign = _norms_and_signs(n)
    outer = torch.outer(R, R) / 2
    return -torch.tril(outer) - torch.triu(outer * torch.outer(sign, sign), diagonal=1), R / 2


def legt_low_rank(n: int) -> Float[Tensor, "2 {n}"]:
    """P with A = normal - P^T P: one row on the odd, one on the even degrees.

    For n = 1 the first row is zero, and for n >= 2 no single row will do.
    """
    check_size(n)
    R, sign = _norms_and_signs(n)
    return torch.stack([R * (sign < 0), R * (sign > 0)]) / 2**0.5


def delay_readout(n: int) -> Float[Tensor, " {n}"]:
    """C with C x(t) close to u(t - 2) for the state x of :func:`legt`."""
    check_size(n)
    R, sign = _norms_and_signs(n)
    return R * sign


def _norms_and_signs(n):
    index = torch.arange(n, dtype=torch.float64)
    return torch.sqrt(2 * index + 1), 1 - 2 * (index % 2)
