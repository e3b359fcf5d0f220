"""How far from an isometry a measurement is on matrices of low rank (restricted isometry)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError
from common.recovery.sensing import Sensing


@dataclass(frozen=True)
class Isometry:
    """Extreme values of ||A(X)||^2 / ||X||_F^2 that were found over X of a rank.

    Attributes:
        low: the least.
        high: the largest.
    """

    low: float
    high: float

    @property
    def constant(self) -> float:
        """delta = max(high - 1, 1 - low): a lower bound of the restricted isometry constant, since
        no search finds the worst X for certain."""
        return max(self.high - 1, 1 - self.low)


def restricted_isometry(
    sensing: Sensing,
    rank: int,
    rng: np.random.Generator,
    *,
    starts: int = 8,
    steps: int = 200,
    like: Float[Tensor, ""] | None = None,
) -> Isometry:
    """Both ends, by power iteration on X -> A*A(X) and X -> (c - A*A)(X), cut to the rank after
    each step; exact at full rank, given enough steps.

    Args:
        sensing: A, scaled so that E ||A(X)||^2 = ||X||^2 (Gaussian entries of variance 1 / m).
        rank: of X.
        starts: at random, in one batch.
        steps: of each.
        like: of the type and device of A; float64 on the processor if it is not given.

    Raises:
        InvalidInputError: a rank that the shape does not allow, or no start or step.
    """
    if not 1 <= rank <= min(sensing.shape) or min(starts, steps) < 1:
        raise InvalidInputError(
            f"rank={rank}, starts={starts}, steps={steps}; a {sensing.shape[0]} x "
            f"{sensing.shape[1]} matrix allows ranks 1 to {min(sensing.shape)}, and 1 or more."
        )
    like = torch.zeros((), dtype=torch.float64) if like is None else like
    x = torch.from_numpy(rng.standard_normal((starts, *sensing.shape))).to(like)
    high = _ascend(sensing.normal, x, rank, steps)
    # c - A*A is positive on all X where c is the largest eigenvalue of A*A, of any rank.
    whole = _ascend(sensing.normal, x, min(sensing.shape), steps)
    shift = 1.01 * max(whole, high)
    low = shift - _ascend(lambda m: shift * m - sensing.normal(m), x, rank, steps)
    return Isometry(low, high)


def _ascend(operator, x: Float[Tensor, "b n1 n2"], rank: int, steps: int) -> float:
    """Largest <X, M(X)> of X of length 1 and a rank."""
    x = _cut(x, rank)
    for _ in range(steps):
        x = _cut(operator(x), rank)
    return float((x * operator(x)).sum((-2, -1)).amax())


def _cut(x: Float[Tensor, "b n1 n2"], rank: int) -> Float[Tensor, "b n1 n2"]:
    """The nearest of the rank, of length 1."""
    if rank < min(x.shape[-2:]):
        u, s, v = torch.linalg.svd(x, full_matrices=False)
        x = (u[..., :rank] * s[..., None, :rank]) @ v[..., :rank, :]
    return x / torch.linalg.matrix_norm(x, keepdim=True)
