"""Lengths of steps."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError

Norm = Literal["spectral", "frobenius", "none"]


class Rule(ABC):
    """eta_t."""

    @abstractmethod
    def eta(
        self, t: int, loss: Float[Tensor, " b"], q: Float[Tensor, "b d d"]
    ) -> Float[Tensor, " b"]:
        """The length of step t, at which the loss is f and the direction Q U."""


@dataclass(frozen=True)
class Proportional(Rule):
    """Without noise: (pi / 2) eta_0 f, which in the mean is eta_0 ||X|| over phi = sqrt(2 / pi)."""

    eta0: float = 0.25

    def __post_init__(self) -> None:
        _positive("eta0", self.eta0)

    def eta(self, t, loss, q):
        return (0.5 * math.pi * self.eta0) * loss


@dataclass(frozen=True)
class Decaying(Rule):
    """With noise: eta_0 rho^t / ||Q||; 0 where Q is 0, so that U stays as it is."""

    eta0: float = 0.25
    rho: float = 0.98
    norm: Norm = "spectral"

    def __post_init__(self) -> None:
        _positive("eta0", self.eta0)
        if not 0 < self.rho <= 1:
            raise InvalidInputError(f"rho={self.rho}; allowed: above 0, at most 1 (constant).")
        if self.norm not in ("spectral", "frobenius", "none"):
            raise InvalidInputError(
                f"norm={self.norm!r}; allowed: 'spectral', 'frobenius' or 'none'."
            )

    def eta(self, t, loss, q):
        length = self.eta0 * self.rho**t
        if self.norm == "none":
            return torch.full_like(loss, length)
        if self.norm == "spectral":
            size = torch.linalg.eigvalsh(q).abs().amax(-1)
        else:
            size = torch.linalg.matrix_norm(q)
        return torch.where(size > 0, length / size, 0.0)


def default_rho(alpha: float, slowness: float = 8.0) -> float:
    """1 - 1 / (slowness ln(1 / alpha)): steps add up to far more than leaving the saddle takes,
    which is ln(1 / alpha^2) / s_r; a smaller rho ends where it began.

    Raises:
        InvalidInputError: alpha is not above 0, or so large that the rule gives no rho above 0.
    """
    largest = math.exp(-1 / slowness)
    if not 0 < alpha < largest:
        raise InvalidInputError(
            f"alpha={alpha}; allowed: above 0, below {largest:.3g}. For a larger start give rho."
        )
    return 1 - 1 / (slowness * math.log(1 / alpha))


def steps_to(ratio: float, rho: float) -> int:
    """Steps, rounded down, until rho^t is ``ratio``, below 1 as rho is."""
    return int(math.log(ratio) / math.log(rho))


def _positive(name: str, value: float) -> None:
    if not value > 0:
        raise InvalidInputError(f"{name}={value}; allowed: above 0; stable below about 1 / s_1.")
