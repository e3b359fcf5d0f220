"""Recover a matrix from measurements, its rank unknown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Generic, Literal

import torch
from torch import Tensor

from common.errors import InvalidInputError
from common.recovery.arrays import Array, as_tensor, like
from common.recovery.sensing import Sensing
from papers.overparam_sensing.models import (
    Asymmetric,
    Factors,
    Preconditioned,
    Start,
    Symmetric,
    rebalance,
)

Method = Literal["one_step", "asymmetric", "symmetric", "preconditioned"]
METHODS: tuple[Method, ...] = ("one_step", "asymmetric", "symmetric", "preconditioned")
SYMMETRIC = ("symmetric", "preconditioned")


@dataclass(frozen=True)
class Recovery(Generic[Array]):
    """What was found.

    Attributes:
        matrix: F G^T, or X X^T.
        factors: F and G, or X.
        residuals: ||A(matrix) - y|| / ||y|| of every step.
        rebalanced_at: the step before which method "one_step" rescaled; None if it did not.
        raised: the smallest part of F that had to be raised for that, as a ratio to what it was
            raised to; 1 if none was. Below 1 the product moved.
        reason: why it ended, "converged" or "steps".
    """

    matrix: Array
    factors: tuple[Array, ...]
    residuals: list[float]
    rebalanced_at: int | None
    raised: float
    reason: Literal["converged", "steps"]


def recover(
    y: Array,
    sensing: Sensing,
    width: int,
    *,
    method: Method = "one_step",
    alpha: float = 0.1,
    eta: float | None = None,
    beta: float | None = None,
    trigger: float = 0.05,
    tolerance: float = 1e-10,
    steps: int = 20_000,
    seed: int = 0,
) -> Recovery[Array]:
    """Gradient descent from a small random start.

    Args:
        y: (m,), measurements; float32 or float64, of A's type.
        sensing: A. Its A*A should be near the identity on matrices of low rank.
        width: k, columns of the factors: the rank, or more.
        method: "symmetric" and "preconditioned" are for positive semidefinite matrices.
        alpha: scale of the start, in roots of the largest singular value of A*(y).
        eta: step; None takes 0.1 over that singular value.
        beta: scale that "one_step" gives F; None takes the root of the smallest singular value of
            the product that stands out at that time, which is best (R4).
        trigger: relative residual at which "one_step" rescales; below 0.5.
        tolerance: relative residual at which it ends.
        steps: at most.
        seed: of the start.

    Raises:
        InvalidInputError: a setting out of its range; y is not finite, all zero, or of another
            length; the steps diverge.
    """
    given = y
    y = as_tensor(y, "y")
    _check(y, sensing, width, method, steps)
    _check_numbers(eta, beta, alpha=alpha, tolerance=tolerance, trigger=trigger)
    norm = y.norm()
    back = sensing.adjoint(y)
    if not bool(back.isfinite().all()):
        raise InvalidInputError("A holds NaN or infinity; allowed: finite numbers.")
    largest = float(torch.linalg.matrix_norm(back, 2))
    eta = 0.1 / largest if eta is None else eta
    start = Start(*sensing.shape, width)
    pair = [p[0].to(y) * largest**0.5 for p in start.draw([seed], [alpha])]
    factors = _factors(method, *(p[None] for p in pair))
    residuals: list[float] = []
    rebalanced_at, raised, reason = None, 1.0, "steps"
    for step in range(steps + 1):
        residual = sensing.apply(factors.product()) - y
        residuals.append(float(residual.norm() / norm))
        if not residuals[-1] < 1e6:
            raise InvalidInputError(
                f"the residual is {residuals[-1]:.3g} of ||y|| after {step} steps of eta={eta:g}"
                f"{'' if beta is None else f', beta={beta:g}'}: take a smaller one."
            )
        if residuals[-1] <= tolerance:
            reason = "converged"
            break
        due = method == "one_step" and rebalanced_at is None and residuals[-1] <= trigger
        if due:
            scale = _best_beta(factors, trigger) if beta is None else beta
            rebalanced_at, raised = step, float(rebalance(factors, scale)[0])
        if step < steps:
            factors.step(sensing.adjoint(residual), eta)
    return Recovery(
        like(factors.product()[0], given),
        tuple(like(factor[0], given) for factor in factors.tensors()),
        residuals,
        rebalanced_at,
        raised,
        reason,
    )


def _factors(method: Method, f: Tensor, g: Tensor) -> Factors:
    if method == "symmetric":
        return Symmetric(f)
    return Preconditioned(f) if method == "preconditioned" else Asymmetric(f, g)


def _best_beta(factors: Asymmetric, trigger: float) -> float:
    """The root of the smallest singular value that cannot be a part of the residual's size."""
    values = torch.linalg.svdvals(factors.product()[0])
    return float(values[values > 2 * trigger * values[0]][-1].sqrt())


def _check(
    y: Tensor,
    sensing: Sensing,
    width: int,
    method: str,
    steps: int,
) -> None:
    if method not in METHODS:
        raise InvalidInputError(f"method={method!r}; allowed: {', '.join(METHODS)}.")
    if method in SYMMETRIC and sensing.shape[0] != sensing.shape[1]:
        raise InvalidInputError(
            f"method={method!r} is for square matrices, not {sensing.shape}; take 'one_step'."
        )
    if not 1 <= width <= min(sensing.shape):
        raise InvalidInputError(f"width={width}; allowed: 1 to {min(sensing.shape)}.")
    if steps < 1:
        raise InvalidInputError(f"steps={steps}; allowed: 1 or more.")
    probe = torch.zeros(1, *sensing.shape, dtype=y.dtype, device=y.device)
    try:
        wanted = sensing.apply(probe).shape[1:]
    except RuntimeError as error:
        raise InvalidInputError(
            f"y is {y.dtype}, and A of another type: convert one of them."
        ) from error
    if y.shape != wanted:
        raise InvalidInputError(f"y of shape {tuple(y.shape)}; wanted: {tuple(wanted)}.")
    if not bool(y.any()):
        raise InvalidInputError("y is zero: so is the matrix, and there is nothing to recover.")


def _check_numbers(eta: float | None, beta: float | None, **others: float) -> None:
    given = {name: value for name, value in {"eta": eta, "beta": beta}.items() if value is not None}
    for name, value in (given | others).items():
        if not 0 < value < math.inf:
            raise InvalidInputError(f"{name}={value}; allowed: above 0, finite.")
    if others["trigger"] >= 0.5:
        raise InvalidInputError(f"trigger={others['trigger']}; allowed: below 0.5.")
