"""Ridge regression from second moments: in closed form, and by the gradient descent it stands for.

Moments are taken of rows that come in blocks, so that memory is that of m x m numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError


@dataclass(frozen=True)
class Moments:
    """Sums over rows.

    Attributes:
        squares: F^T F.
        products: F^T y.
        count: n.
    """

    squares: Float[Tensor, "m m"]
    products: Float[Tensor, " m"]
    count: int

    @staticmethod
    def zeros(like: Float[Tensor, " m"]) -> Moments:
        return Moments(like.new_zeros(len(like), len(like)), like.new_zeros(len(like)), 0)

    def with_rows(self, rows: Float[Tensor, "n m"], y: Float[Tensor, " n"]) -> Moments:
        """With some rows more."""
        return Moments(
            torch.addmm(self.squares, rows.mT, rows),
            torch.addmv(self.products, rows.mT, y),
            self.count + len(rows),
        )

    def ridge(self, xi: float) -> Float[Tensor, " m"]:
        """u with (F^T F / n + xi I) u = F^T y / n, by Cholesky's factor.

        Raises:
            InvalidInputError: no rows, xi not above 0, or so small that rounding breaks the factor.
        """
        self._check(xi)
        shifted = self.squares.clone()
        shifted.diagonal().add_(xi * self.count)
        factor, failed = torch.linalg.cholesky_ex(shifted)
        if bool(failed):
            raise InvalidInputError(
                f"ridge xi={xi:g} is lost in rounding; take a larger one, or float64."
            )
        return torch.cholesky_solve(self.products[:, None], factor)[:, 0]

    def largest(self) -> float:
        """Largest eigenvalue of F^T F / n."""
        return float(torch.linalg.eigvalsh(self.squares)[-1]) / self.count

    def descend(
        self, xi: float, eta: float, steps: int, until: Float[Tensor, " m"], relative: float
    ) -> tuple[Float[Tensor, " m"], int]:
        """u <- u - eta (F^T F u / n - F^T y / n + xi u) from 0 (stage one of Algorithm 1).

        Args:
            until: the fixed point, or any vector; it ends within
            relative: of its length, or after
            steps: at most.

        Returns:
            u, and the steps taken.

        Raises:
            InvalidInputError: eta is not below 2 / (lambda_max + xi): the descent would diverge.
        """
        self._check(xi)
        bound = 2 / (self.largest() + xi)
        if not 0 < eta < bound:
            raise InvalidInputError(f"eta={eta:g}; allowed: above 0, stable below {bound:g}.")
        step = -self.squares * (eta / self.count)
        step.diagonal().add_(1 - eta * xi)
        push, u = self.products * (eta / self.count), torch.zeros_like(self.products)
        near = relative * until.norm()
        for t in range(steps):
            if (u - until).norm() <= near:
                return u, t
            u = torch.addmv(push, step, u)
        return u, steps

    def descent(self, xi: float, steps: int, relative: float = 1e-6) -> Float[Tensor, " m"]:
        """Gradient descent at eta = 1 / (lambda_max + xi), where the fixed point is not known.

        It ends after ``steps``, or once |gradient| <= relative xi |u|: the loss is xi-strongly
        convex, so that u is then within ``relative`` of its length of the ridge solution.

        Raises:
            InvalidInputError: no rows, or xi not above 0.
        """
        self._check(xi)
        eta = 1 / (self.largest() + xi)
        step = -self.squares * (eta / self.count)
        step.diagonal().add_(1 - eta * xi)
        push, u = self.products * (eta / self.count), torch.zeros_like(self.products)
        for _ in range(steps):
            after = torch.addmv(push, step, u)
            near = (after - u).norm() <= eta * relative * xi * u.norm()
            u = after
            if near:
                break
        return u

    def __sub__(self, other: Moments) -> Moments:
        """Without some rows."""
        return Moments(
            self.squares - other.squares, self.products - other.products, self.count - other.count
        )

    def _check(self, xi: float) -> None:
        if not self.count or not xi > 0:
            raise InvalidInputError(
                f"a ridge of xi={xi:g} on {self.count} rows; allowed: above 0, on 1 or more."
            )


def check_ridges(ridges: Sequence[float], name: str = "ridges") -> None:
    """Refuse a grid of ridges that nothing can be chosen from.

    Raises:
        InvalidInputError: none, or one that is not finite and above 0.
    """
    if not len(ridges):
        raise InvalidInputError(f"no {name}; one or more are wanted.")
    if not all(math.isfinite(xi) and xi > 0 for xi in ridges):
        raise InvalidInputError(f"{name}={list(ridges)}; allowed: finite and above 0.")


def cross_validated(
    rows: Float[Tensor, "n m"],
    y: Float[Tensor, " n"],
    ridges: Sequence[float],
    folds: int = 5,
    *,
    steps: int | None = None,
) -> tuple[Float[Tensor, " m"], float]:
    """The ridge solution on all rows, xi the best of some by ``folds``-fold validation.

    Folds are every fifth row: rows are independent, and nothing has to be drawn.

    Args:
        steps: of gradient descent in place of the solution, at most; None for the solution.

    Returns:
        The solution, and xi.

    Raises:
        InvalidInputError: fewer rows than folds, or no ridges above 0.
    """
    check_ridges(ridges)
    if len(rows) < folds:
        raise InvalidInputError(f"{len(rows)} rows; {folds} folds want at least as many.")
    errors = rows.new_zeros(len(ridges))
    for fold in range(folds):
        out = torch.arange(fold, len(rows), folds, device=rows.device)
        kept = torch.ones(len(rows), dtype=torch.bool, device=rows.device)
        kept[out] = False
        path = _path(rows[kept], y[kept], ridges, steps)
        errors += (rows[out] @ path.mT - y[out, None]).square().sum(0)
    best = ridges[int(errors.argmin())]
    return _path(rows, y, [best], steps)[0], best


def _path(
    rows: Float[Tensor, "n m"], y: Float[Tensor, " n"], ridges: Sequence[float], steps: int | None
) -> Float[Tensor, "ridges m"]:
    if steps is None:
        return ridge_path(rows, y, ridges)
    moments = Moments.zeros(rows[0]).with_rows(rows, y)
    return torch.stack([moments.descent(xi, steps) for xi in ridges])


def ridge_path(
    rows: Float[Tensor, "n m"], y: Float[Tensor, " n"], ridges: Sequence[float]
) -> Float[Tensor, "ridges m"]:
    """Solutions of several ridges from one singular value decomposition."""
    left, values, right = torch.linalg.svd(rows, full_matrices=False)
    shares = torch.stack([values / (values.square() + xi * len(rows)) for xi in ridges])
    return shares * (left.mT @ y) @ right
