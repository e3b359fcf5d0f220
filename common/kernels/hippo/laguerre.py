"""HiPPO-LagT, Laguerre polynomials.

Gu et al., "HiPPO" (2020), appendix D. Meant to weigh the past by a decaying exponential; "How to
Train Your HiPPO" (2023) shows that it does not: (e^{tA} B)_n = b e^{-t/2} L_n(t) is orthonormal
under the uniform weight on [0, inf), and dividing by e^{-t} leaves no orthonormal polynomials.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from common.kernels.hippo.size import check_size


def lagt(n: int, b: float = 1.0) -> tuple[Float[Tensor, "{n} {n}"], Float[Tensor, " {n}"]]:
    """``A = I/2 - tril(1)``, ``B = b 1``, in float64.

    Raises:
        ValueError: n is below 1.
    """
    check_size(n)
    ones = torch.ones(n, n, dtype=torch.float64)
    return torch.eye(n, dtype=torch.float64) / 2 - torch.tril(ones), b * ones[0]


def lagt_low_rank(n: int) -> Float[Tensor, "1 {n}"]:
    """P with A = normal - P^T P, for :func:`lagt` and for :func:`glagt` with alpha = 0."""
    check_size(n)
    return torch.full((1, n), 0.5**0.5, dtype=torch.float64)


def glagt(
    n: int, alpha: float = 0.0, beta: float = 0.01
) -> tuple[Float[Tensor, "{n} {n}"], Float[Tensor, " {n}"]]:
    """Generalised Laguerre polynomials L_n^(alpha) with an extra tilt beta, as the S4 code has it.

    With c_n = sqrt(Gamma(n+alpha+1)/n!) and L^(alpha)_n the generalised Laguerre polynomials,

        A_nk = -c_k/c_n (n > k),   -(1 + beta)/2 (n = k)
        B_n  = binom(n + alpha, n)/c_n beta^{(1-alpha)/2}/sqrt(Gamma(1 - alpha))
        K_n(t) = beta^{(1-alpha)/2}/sqrt(Gamma(1 - alpha)) e^{-(1+beta) t/2} L^(alpha)_n(t)/c_n

    ``beta -> 0`` at ``alpha = 0`` tends to the matrix of :func:`lagt`; ``beta = 1`` to -tril(1).

    Raises:
        ValueError: n is below 1, alpha is not in (-1, 1), or beta is not positive.
    """
    check_size(n)
    if not -1 < alpha < 1 or not beta > 0:
        raise ValueError(f"alpha is {alpha}, beta {beta}; needed are -1 < alpha < 1 and beta > 0")
    index = torch.arange(n, dtype=torch.float64)
    a = torch.tensor(alpha, dtype=torch.float64)
    log_c = (torch.lgamma(index + a + 1) - torch.lgamma(index + 1)) / 2
    A = -torch.tril(torch.exp(log_c - log_c[:, None]), diagonal=-1)
    A -= (1 + beta) / 2 * torch.eye(n, dtype=torch.float64)
    # binom(n + alpha, n) = c_n^2 / Gamma(alpha + 1)
    scale = beta ** ((1 - alpha) / 2) * torch.exp(-torch.lgamma(1 - a) / 2 - torch.lgamma(a + 1))
    return A, torch.exp(log_c) * scale
