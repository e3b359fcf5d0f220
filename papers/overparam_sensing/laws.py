"""Identities of a step (I1 to I3) and rates in closed form (R1 to R5), of A*A the identity."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError
from papers.overparam_sensing.models import Asymmetric


def next_imbalance(
    factors: Asymmetric, m: Float[Tensor, "b n1 n2"], eta: float
) -> Float[Tensor, "b k k"]:
    """I1: F^T F - G^T G after a step of method A, M = A*A of the error, whatever A is."""
    mg, mf = m @ factors.g, m.mT @ factors.f
    return factors.imbalance() + eta**2 * (mg.mT @ mg - mf.mT @ mf)


def next_outside(
    rows: Float[Tensor, "b rest k"], other: Float[Tensor, "b n k"], eta: float
) -> Float[Tensor, "b rest k"]:
    """I2, I3: rows of a factor outside the truth's after a step, J (I - eta other^T other).

    Args:
        rows: J, where the truth is zero.
        other: the other factor, whole; of method S the factor itself.
    """
    return rows - eta * rows @ (other.mT @ other)


def sublinear_constant(size: int, rank: int, width: int, eta: float) -> float:
    """R1: the limit of T^2 e_T of method S with k > r, whatever the truth and the start."""
    return min(width - rank, size - rank) / (4 * eta**2)


def ratio(rate: Tensor | float, eta: float) -> Tensor | float:
    """e_{T+1} / e_T of a mode that shrinks by 1 - eta rate a step."""
    return (1 - eta * rate) ** 2


def exact_rate(factors: Asymmetric) -> Float[Tensor, " b"]:
    """R2, method A with k = r: the smallest eigenvalue of F^T F and of G^T G at the limit."""
    return torch.minimum(_eigenvalues(factors.f)[:, 0], _eigenvalues(factors.g)[:, 0])


def imbalanced_rate(factors: Asymmetric, rank: int) -> Float[Tensor, " b"]:
    """R3, method A with k > r and F the larger factor: the smaller of the smallest eigenvalue of
    F^T F and of the r-th largest of G^T G, at the limit."""
    return torch.minimum(_eigenvalues(factors.f)[:, 0], _eigenvalues(factors.g)[:, -rank])


def rebalanced_rate(beta: float, smallest: float) -> float:
    """R4, method B: min(beta^2, s_r^2 / beta^2); best at beta = sqrt(s_r).

    Raises:
        InvalidInputError: beta is not above 0.
    """
    if not beta > 0:
        raise InvalidInputError(f"beta={beta}; allowed: above 0.")
    return min(beta**2, smallest**2 / beta**2)


def largest_eta(beta: float, largest: float) -> float:
    """Method B is stable below it: eta (beta^2 + s_1^2 / beta^2) < 2."""
    return 2 / (beta**2 + largest**2 / beta**2)


def toy(f: float, g: float, eta: float, steps: int) -> tuple[list[float], float]:
    """R5: f+ = f (1 - eta g^2), g+ = g (1 - eta f^2).

    Returns:
        (f g)^2 of every step, and the last f.
    """
    errors = [(f * g) ** 2]
    for _ in range(steps):
        f, g = f * (1 - eta * g * g), g * (1 - eta * f * f)
        errors.append((f * g) ** 2)
    return errors, f


def toy_slope(f: float, eta: float) -> float:
    """R5: of ln e over the steps, f being its limit."""
    return 2 * math.log(1 - eta * f * f)


def _eigenvalues(factor: Float[Tensor, "b n k"]) -> Float[Tensor, "b k"]:
    """Of the factor's Gram matrix, ascending: squares of singular values, which keeps the small."""
    return torch.linalg.svdvals(factor).square().flip(-1)
