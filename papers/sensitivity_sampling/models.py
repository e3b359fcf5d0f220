"""Sensitivity sampling: rows kept by coins of probability min(1, 1/n + s_i / alpha), each scaled by
q_i^{-1/p} (Theorem 1.5; T 7.4.5), and the scores it is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError
from common.recovery.arrays import as_tensor
from common.sketching.lewis import lewis_weights
from common.sketching.row_space import range_basis
from common.sketching.rows import Sample, drawn
from papers.sensitivity_sampling.bounds import upper_bounds
from papers.sensitivity_sampling.sensitivities import Sensitivities, check_power, sensitivities

Array = np.ndarray | Tensor
Kind = Literal[
    "sensitivity", "augmented", "lewis", "leverage", "root_leverage", "upper_bound", "uniform"
]
KINDS: tuple[str, ...] = get_args(Kind)


@dataclass(frozen=True)
class Scores:
    """How important the rows of a matrix are, by several measures, each computed once.

    Attributes:
        matrix: A, float64.
        p: of the norm.
    """

    matrix: Float[Tensor, "n d"]
    p: float

    @classmethod
    def of(cls, matrix: Float[Array, "n d"], p: float) -> Scores:
        """Of an array or a tensor.

        Raises:
            InvalidInputError: it is zero or not finite floats, or p is below 1.
        """
        check_power(p)
        scores = cls(as_tensor(matrix, "matrix").double(), p)
        _ = scores.basis
        return scores

    @cached_property
    def basis(self) -> Float[Tensor, "n r"]:
        """Q, orthonormal, of the range."""
        return range_basis(self.matrix)

    @property
    def rank(self) -> int:
        """d, of the range."""
        return self.basis.shape[1]

    @cached_property
    def sensitivities(self) -> Sensitivities:
        """Exact, with intervals."""
        return sensitivities(self.matrix, self.p)

    @cached_property
    def leverage(self) -> Float[Tensor, " n"]:
        """tau: squared lengths of the rows of Q."""
        return self.basis.square().sum(1)

    @cached_property
    def lewis(self) -> Float[Tensor, " n"]:
        """w."""
        return lewis_weights(self.matrix, self.p)

    def by(self, kind: Kind) -> Float[Tensor, " n"]:
        """Scores of one kind, up to a factor.

        "sensitivity": s, the paper's; the upper ends of the intervals. "augmented": s / S + tau / d
        (Munteanu and Omlor, 2024). "lewis": w. "leverage": tau. "root_leverage": tau^{p/2}.
        "upper_bound": of s, without solving for it. "uniform": 1.
        """
        s = self.sensitivities.upper if kind in ("sensitivity", "augmented") else None
        if kind == "sensitivity":
            return s
        if kind == "augmented":
            return s / s.sum() + self.leverage / self.leverage.sum()
        if kind == "lewis":
            return self.lewis
        if kind == "leverage":
            return self.leverage
        if kind == "root_leverage":
            return self.leverage ** (self.p / 2)
        if kind == "upper_bound":
            return upper_bounds(self.lewis, self.leverage, self.p)
        if kind == "uniform":
            return torch.ones_like(self.matrix[:, 0])
        raise InvalidInputError(f"scores={kind!r}; allowed: {', '.join(KINDS)}.")


def sample(
    matrix: Float[Array, "n d"],
    p: float,
    expected: float,
    rng: np.random.Generator,
    *,
    scores: Kind | Float[Array, " n"] = "sensitivity",
) -> Sample:
    """Keep about ``expected`` rows of A such that ||S A x||_p is near ||A x||_p for all x.

    Args:
        matrix: A, float32 or float64.
        p: 1 or more.
        expected: rows, above 1; probabilities, floor and cap included, sum to it.
        scores: what the probabilities follow: a kind, or numbers, one a row, 0 or more.

    Raises:
        InvalidInputError: A is zero or not finite floats, p is below 1, scores are not one a row,
            or the number of rows is out of range.
    """
    if isinstance(scores, str):
        scores = Scores.of(matrix, p).by(scores)
    check_power(p)
    chosen = torch.as_tensor(scores)
    n = len(as_tensor(matrix, "matrix"))
    if chosen.shape != (n,):
        raise InvalidInputError(
            f"scores of shape {tuple(chosen.shape)} for {n} rows; wanted: one a row."
        )
    return drawn(chosen, expected, rng)
