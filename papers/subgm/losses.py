"""Losses of residuals: what a descent direction weighs the A_i by."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError


class Loss(ABC):
    """The mean over measurements of a function of the residual."""

    @abstractmethod
    def value(self, residual: Float[Tensor, "*b m"]) -> Float[Tensor, "*b"]:
        """f."""

    @abstractmethod
    def weights(self, residual: Float[Tensor, "*b m"]) -> Float[Tensor, "*b m"]:
        """The derivative of that function: Q = (1/m) sum_i weight_i sym(A_i)."""


class Absolute(Loss):
    """|r|, the method's. Its sub-derivative at 0 is taken to be 0."""

    def value(self, residual: Float[Tensor, "*b m"]) -> Float[Tensor, "*b"]:
        return residual.abs().mean(-1)

    def weights(self, residual: Float[Tensor, "*b m"]) -> Float[Tensor, "*b m"]:
        return residual.sign()


class Squared(Loss):
    """r^2 / 2: the baseline that outliers break."""

    def value(self, residual: Float[Tensor, "*b m"]) -> Float[Tensor, "*b"]:
        return residual.square().mean(-1) / 2

    def weights(self, residual: Float[Tensor, "*b m"]) -> Float[Tensor, "*b m"]:
        return residual


@dataclass(frozen=True)
class Huber(Loss):
    """|r| beyond ``width``, a parabola of the same slope within: r^2 / (2 width) + width / 2."""

    width: float = 0.1

    def __post_init__(self) -> None:
        if not self.width > 0:
            raise InvalidInputError(f"width={self.width}; allowed: above 0.")

    def value(self, residual: Float[Tensor, "*b m"]) -> Float[Tensor, "*b"]:
        size = residual.abs()
        inside = size.square() / (2 * self.width) + self.width / 2
        return torch.where(size < self.width, inside, size).mean(-1)

    def weights(self, residual: Float[Tensor, "*b m"]) -> Float[Tensor, "*b m"]:
        return (residual / self.width).clamp(-1, 1)
