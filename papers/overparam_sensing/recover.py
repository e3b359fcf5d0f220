"""Recover a matrix from measurements, its rank unknown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral
from typing import Generic, Literal

import numpy as np
import torch
from torch import Tensor

from common.errors import InvalidInputError
from common.recovery.arrays import Array, as_tensor, like
from common.recovery.sensing import Sensing
from papers.overparam_sensing.laws import largest_eta
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

# Residuals are read in blocks: on an accelerator a number read every step would hold each one up.
BLOCK = 16


@dataclass(frozen=True)
class Recovery(Generic[Array]):
    """What was found.

    Attributes:
        matrix: F G^T, or X X^T.
        factors: F and G, or X.
        residuals: ||A(matrix) - y|| / ||y|| of every step.
        rebalanced_at: the step before which method "one_step" rescaled; None if it did not.
        kept: the smallest part of F's singular values that was not raised as it was rescaled, as of
            ``rebalance``; below 1 the product moved. 1 where nothing was rescaled.
        reason: why it ended, "converged" or "steps".
    """

    matrix: Array
    factors: tuple[Array, ...]
    residuals: list[float]
    rebalanced_at: int | None
    kept: float
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

    Residuals are looked at every 16 steps: it rescales and ends up to 15 steps late.

    Args:
        y: (m,), measurements; float32 or float64, on the device of A.
        sensing: A. Its A*A should be near the identity on matrices of low rank.
        width: k, columns of the factors: the rank, or more.
        method: "symmetric" and "preconditioned" are for positive semidefinite matrices.
        alpha: scale of the start, in roots of the largest singular value of A*(y).
        eta: step, above 0; None takes 0.1 over that singular value.
        beta: scale that "one_step" gives F; None takes the root of the smallest singular value of
            the product that stands out at that time, which is best (R4).
        trigger: relative residual at which "one_step" rescales; below 0.5 where beta is to be found
            by it, else below 1.
        tolerance: relative residual at which it ends, below 1.
        steps: at most.
        seed: of the start.

    Raises:
        InvalidInputError: a setting out of its range; y is not an array or tensor, not finite, all
            zero, of another length, type or device than A asks for; A is not finite; beta and eta
            are not stable together; the steps diverge.
    """
    given = y
    if not isinstance(y, (np.ndarray, Tensor)):
        raise InvalidInputError(
            f"y is of {type(y).__name__}; allowed: a NumPy array or a torch tensor."
        )
    y = as_tensor(y, "y")
    _check_settings(width, method, steps, seed, sensing.shape)
    _check_scales(alpha, eta, beta, trigger, tolerance)
    _check_measurements(y, sensing)
    norm = y.norm()
    largest = float(torch.linalg.matrix_norm(sensing.adjoint(y), 2))
    eta = 0.1 / largest if eta is None else eta
    start = Start(*sensing.shape, width)
    pair = [p[0].to(y) * largest**0.5 for p in start.draw([seed], [alpha])]
    factors = _factors(method, *(p[None] for p in pair))
    residuals: list[float] = []
    block: list[Tensor] = []
    rebalanced_at, kept, reason = None, 1.0, "steps"
    for step in range(steps + 1):
        residual = sensing.apply(factors.product()) - y
        block.append(residual.norm() / norm)
        if step % BLOCK == 0 or step == steps:
            residuals += torch.stack(block).tolist()
            block.clear()
            if not residuals[-1] < 1e6:
                raise InvalidInputError(
                    f"the residual is {residuals[-1]:.3g} of ||y|| after {step} steps of "
                    f"eta={eta:g}: take a smaller one."
                )
            if residuals[-1] <= tolerance:
                reason = "converged"
                break
            due = method == "one_step" and rebalanced_at is None and residuals[-1] <= trigger
            if due:
                kept = _rescale(factors, beta, trigger, eta)
                rebalanced_at = step
        if step < steps:
            factors.step(sensing.adjoint(residual), eta)
    return Recovery(
        like(factors.product()[0], given),
        tuple(like(factor[0], given) for factor in factors.tensors()),
        residuals,
        rebalanced_at,
        kept,
        reason,
    )


def _factors(method: Method, f: Tensor, g: Tensor) -> Factors:
    if method == "symmetric":
        return Symmetric(f)
    return Preconditioned(f) if method == "preconditioned" else Asymmetric(f, g)


def _rescale(factors: Asymmetric, beta: float | None, trigger: float, eta: float) -> float:
    """Method B's step; the part that was kept."""
    values = torch.linalg.svdvals(factors.product()[0])
    if beta is None:
        # Below it a singular value may be a part of the residual.
        beta = float(values[values > 2 * trigger * values[0]][-1].sqrt())
    most = largest_eta(beta, float(values[0]))
    if not eta < most:
        raise InvalidInputError(
            f"eta={eta:g} with beta={beta:g}; allowed: below {most:.3g}, for steps after rescaling "
            f"to be stable where the largest singular value is {float(values[0]):.3g}. Take a "
            f"smaller eta, or a beta nearer {float(values[0].sqrt()):.3g}."
        )
    return float(rebalance(factors, beta))


def _check_settings(width: int, method: str, steps: int, seed: int, shape: tuple[int, int]) -> None:
    if method not in METHODS:
        raise InvalidInputError(f"method={method!r}; allowed: {', '.join(METHODS)}.")
    if method in SYMMETRIC and shape[0] != shape[1]:
        raise InvalidInputError(
            f"method={method!r} is for square matrices, not {shape}; take 'one_step'."
        )
    for name, value, least, most in (
        ("width", width, 1, min(shape)),
        ("steps", steps, 1, math.inf),
        ("seed", seed, 0, math.inf),
    ):
        if not isinstance(value, Integral) or not least <= value <= most:
            reach = f"{least} or more" if most == math.inf else f"{least} to {most}"
            raise InvalidInputError(f"{name}={value}; allowed: whole numbers, {reach}.")


def _check_scales(
    alpha: float, eta: float | None, beta: float | None, trigger: float, tolerance: float
) -> None:
    """NaN is outside all ranges."""
    for name, value, below in (
        ("alpha", alpha, math.inf),
        ("eta", eta, math.inf),
        ("beta", beta, math.inf),
        ("trigger", trigger, 0.5 if beta is None else 1.0),
        ("tolerance", tolerance, 1.0),
    ):
        if value is not None and not 0 < value < below:
            reach = "and finite" if below == math.inf else f"and below {below:g}"
            raise InvalidInputError(f"{name}={value}; allowed: above 0 {reach}.")


def _check_measurements(y: Tensor, sensing: Sensing) -> None:
    probe = torch.zeros(1, *sensing.shape, dtype=y.dtype, device=y.device)
    try:
        wanted = sensing.apply(probe).shape[1:]
    except RuntimeError as error:
        raise InvalidInputError(
            f"y of {y.dtype} on {y.device} does not go with the sensing matrices: {error}. "
            f"Allowed: y of their type and device. Convert y."
        ) from error
    if y.shape != wanted:
        raise InvalidInputError(f"y of shape {tuple(y.shape)}; wanted: {tuple(wanted)}.")
    if not bool(y.any()):
        raise InvalidInputError("y is zero: so is the matrix, and there is nothing to recover.")
    back = sensing.adjoint(y)
    if not bool(back.isfinite().all()):
        raise InvalidInputError(
            "A*(y) holds NaN or infinity, y does not; allowed: sensing matrices of finite numbers."
        )
    if not bool(back.any()):
        raise InvalidInputError("A*(y) is zero: no matrix of these measurements can be told.")
