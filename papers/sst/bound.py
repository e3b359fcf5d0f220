"""The least error of an increment of rank r (Eckart and Young 1936), and a problem to show it."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from common.errors import InvalidInputError
from papers.sst.models import random_columns


def least_error(increment: Float[Tensor, "m n"], rank: int) -> float:
    """min over matrices of this rank of the Frobenius distance: the root of the sum of the squared
    singular values beyond it."""
    if rank < 0:
        raise InvalidInputError(f"rank={rank}; allowed: 0 or more.")
    s = torch.linalg.svdvals(increment.double())
    return math.sqrt(float((s[rank:] ** 2).sum()))


class Matrix(nn.Module):
    """One linear layer whose loss is half the squared distance of its weight from a target."""

    def __init__(self, start: Float[Tensor, "m n"], target: Float[Tensor, "m n"]):
        super().__init__()
        self.layer = nn.Linear(start.shape[1], start.shape[0], bias=False).to(start)
        with torch.no_grad():
            self.layer.weight.copy_(start)
        self.register_buffer("target", target)

    def error(self) -> Float[Tensor, ""]:
        """Frobenius distance: the layer on all unit vectors is its weight."""
        rows = torch.eye(self.target.shape[1], dtype=self.target.dtype, device=self.target.device)
        return (self.layer(rows).T - self.target).norm()


def orthogonal_increment(size: int) -> tuple[Float[Tensor, "d d"], Float[Tensor, "d d"]]:
    """W0, Gaussian of variance 1/d, and W0 + Q, Q random orthogonal; float64. All singular values
    of the increment are 1: its best approximation of rank r leaves sqrt(d - r)."""
    start = torch.randn(size, size, dtype=torch.float64) * size**-0.5
    return start, start + random_columns(size, size, start)
