"""DSS, the first diagonal state space (Gupta et al., NeurIPS 2022): a softmax over time.

    K = sum_n C_n/A_n softmax_l(Delta A_n l)

The normaliser sums over the whole kernel, so the kernel depends on its length: no state space in
the strict sense, and no recurrence.
"""

from __future__ import annotations

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from common.errors import InvalidInputError
from common.kernels.vandermonde import vandermonde_kernel
from common.nn.s4 import S4

GUARD = 1e-7


def reciprocal(x: Complex[Tensor, "*shape"], guard: float = GUARD) -> Complex[Tensor, "*shape"]:
    """``x* / (x x* + guard)``: 1/x without its pole."""
    return x.conj() / (x.real.square() + x.imag.square() + guard)


def dss_kernel(
    C: Complex[Tensor, "channel state"],
    lam: Complex[Tensor, "#channel state"],
    step: Float[Tensor, "channel #state"],
    length: int,
    *,
    guard: float = GUARD,
) -> Float[Tensor, "channel {length}"]:
    """The softmax kernel of one of each conjugate pair (twice the real part).

    sum_l exp(Delta A l) = (exp(Delta A L) - 1)/(exp(Delta A) - 1), so with z = Delta A

        K_l = 2 Re sum_n C_n exp(z_n l) (exp(z_n) - 1)/((exp(z_n L) - 1) A_n).

    Where Re A > 0 the exponentials are scaled by exp(-z (L - 1)), and nothing overflows.
    """
    z = (lam * step).expand_as(C)
    lam = lam.expand_as(C)
    grows = z.real > 0
    # exp(z (l - s)) with s = L - 1 where the mode grows: the exponent never exceeds 0.
    shift = torch.where(grows, length - 1, 0)
    normaliser = (torch.exp(z * (length - shift)) - torch.exp(-z * shift)) * lam
    weights = C * (torch.exp(z) - 1) * reciprocal(normaliser, guard)
    zero = torch.zeros_like(weights)
    falling = vandermonde_kernel(
        torch.where(grows, zero, weights), torch.where(grows, zero, z), length
    )
    if torch.compiler.is_compiling() or not bool(grows.any()):
        return falling
    rising = vandermonde_kernel(
        torch.where(grows, weights, zero), torch.where(grows, -z, zero), length
    )
    return falling + rising.flip(-1)


class DSS(S4):
    """An S4-type layer with DSS' softmax kernel; diagonal, B absorbed in C, no recurrence."""

    def kernel(self, length: int, rate: float = 1.0) -> Float[Tensor, "directions width {length}"]:
        """The kernels at this length: a longer sequence has other ones."""
        dt = self.step_sizes(rate)
        lam = self._to_channels(self.eigenvalues())
        C = torch.view_as_complex(self.C)
        return torch.stack([dss_kernel(c, lam, dt[:, None], length) for c in C])

    def _whole(self, u, rate):
        return self._by_kernel(u, rate)

    def _check_causal(self) -> None:
        raise InvalidInputError(
            "DSS normalises its kernel over the whole sequence and has no recurrence; use S4."
        )
