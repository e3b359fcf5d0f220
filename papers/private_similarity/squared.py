"""Sums of squared l2 distances from three sums, without a multiplicative error (section 6)."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from common.recovery.arrays import Array, like
from papers.private_similarity.mechanisms import NoiseMechanism
from papers.private_similarity.models import asked_rows, finite_positive, rows


@dataclass(frozen=True)
class SquaredSums:
    """sum_i ||x_i - y||^2 = n ||y||^2 - 2 <y, s> + q for points of [0, R]^d.

    A third of the budget each; one record changes n by 1, s = sum x by R d, or R sqrt(d) in the l2
    norm, and q = sum ||x||^2 by R^2 d.

    Attributes:
        count: n with noise.
        total: s with noise.
        squares: q with noise.
    """

    count: Float[Tensor, ""]
    total: Float[Tensor, " d"]
    squares: Float[Tensor, ""]

    @classmethod
    def release(cls, x: Array, mechanism: NoiseMechanism, high: float = 1.0) -> SquaredSums:
        """Three sums; points outside [0, high]^d are moved to its border.

        Args:
            x: (n, d).
        """
        finite_positive(high, "high")
        points = rows(x, "x").double().clamp(0, high)
        n, d = points.shape
        third = mechanism.share(1 / 3)
        return cls(
            third.release(points.new_tensor(float(n)), 1.0),
            third.release(points.sum(0), high * d ** (1 / mechanism.norm)),
            third.release(points.square().sum(), high**2 * d),
        )

    def query(self, y: Array) -> Array:
        """Of each query the sum, float64; the time does not depend on n."""
        asked = asked_rows(y, len(self.total))
        at = asked.to(self.total)
        found = self.count * at.square().sum(1) - 2 * at @ self.total + self.squares
        return like(found.to(asked.device), y)


def deviation(y: Array, mechanism: NoiseMechanism, high: float = 1.0) -> Array:
    """Of the noise in the answers; with Laplace noise its square is (18 / eps^2) (||y||^4 + 4
    ||y||^2 R^2 d^2 + R^4 d^2)."""
    at = rows(y, "y").double()
    d, third = at.shape[1], mechanism.share(1 / 3)
    squares = at.square().sum(1)
    variance = (
        squares.square() * third.deviation(1.0) ** 2
        + 4 * squares * third.deviation(high * d ** (1 / mechanism.norm)) ** 2
        + third.deviation(high**2 * d) ** 2
    )
    return like(variance.sqrt(), y)
