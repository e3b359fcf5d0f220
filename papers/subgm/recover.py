"""Recover a positive semidefinite matrix from corrupted measurements, its rank unknown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Generic, Literal

import torch
from torch import Tensor

from common.errors import InvalidInputError
from common.recovery.arrays import Array, as_tensor, like
from common.recovery.sensing import Dense, Packed
from papers.subgm.losses import Absolute
from papers.subgm.models import iterates, spectral_start
from papers.subgm.steps import Decaying, Proportional, Rule, default_rho, steps_to


@dataclass(frozen=True)
class Recovery(Generic[Array]):
    """What was found.

    Attributes:
        matrix: U U^T.
        factor: U.
        losses: mean |residual| of every step, of the measurements that were used.
        held_out: of those that were not; empty if none were kept.
        chosen: the step whose iterate this is: the last, or the one of the least held-out loss.
        reason: why it ended, "exact" (a loss of rounding size) or "steps".
    """

    matrix: Array
    factor: Array
    losses: list[float]
    held_out: list[float]
    chosen: int
    reason: Literal["exact", "steps"]


def robust_recover(
    y: Array,
    sensing: Dense | Packed,
    width: int,
    *,
    corrupted: bool = True,
    alpha: float = 1e-4,
    eta0: float = 0.25,
    rho: float | None = None,
    steps: int | None = None,
    held_out: float = 0.0,
    seed: int = 0,
) -> Recovery[Array]:
    """The sub-gradient method from a small spectral start.

    Args:
        y: (m,), measurements; float32 or float64, of A's type.
        sensing: A, of entries of mean 0 and variance 1, square; its symmetric part is used.
        width: r', columns of the factor: the rank, or more.
        corrupted: some measurements may be wrong, fewer than half of them by any amount: the scale
            is taken from the median of |y|. False takes the rule of steps that ends at rounding if
            none is.
        alpha: size of the start, in roots of the matrix's norm; below 0.88, from where on there is
            no rule for rho.
        eta0: below about 1.
        rho: decay of the steps; None takes one slow enough for this alpha.
        steps: at most; None takes as many as shrink steps to 1e-7, or 1,000 of the exact rule.
        held_out: fraction of the measurements, drawn at random, that choose among iterates and do
            nothing else. With dense noise later ones fit the noise.
        seed: of that draw.

    Raises:
        InvalidInputError: a setting out of its range; y is not finite or of another length; the
            signs of y point to no positive semidefinite matrix; the iterates diverge.
    """
    given = y
    y = as_tensor(y, "y")
    packed = sensing if isinstance(sensing, Packed) else Packed(sensing)
    if y.shape != (len(packed.rows),) or y.dtype != packed.rows.dtype:
        raise InvalidInputError(
            f"y of shape {tuple(y.shape)}, {y.dtype}; wanted: ({len(packed.rows)},), "
            f"{packed.rows.dtype}, as A is. Convert one of them."
        )
    if not bool(packed.rows.isfinite().all()):
        raise InvalidInputError("A holds NaN or infinity; allowed: finite numbers.")
    if not 0 <= held_out < 1 or (steps is not None and steps < 1):
        raise InvalidInputError(
            f"held_out={held_out}, steps={steps}; allowed: 0 up to 1, and 1 or more."
        )
    if corrupted and rho == 1 and steps is None:
        raise InvalidInputError("rho=1 never ends by itself; say how many steps.")
    drawn = torch.rand(len(y), generator=torch.Generator().manual_seed(seed))
    kept = (drawn < held_out).to(y.device)
    if bool(kept.all()) or (held_out > 0 and not bool(kept.any())):
        left = "none" if bool(kept.all()) else "all"
        raise InvalidInputError(
            f"held_out={held_out} leaves {left} of {len(y)} measurements; take another part, or 0."
        )
    used, apart, left_out, y = packed.select(~kept), packed.select(kept), y[kept], y[~kept]
    # |y| of a normal measurement has its median at 0.6745 deviations, which outliers hardly move
    # while they are fewer than half.
    size = float(y.abs().median()) / 0.6745  # near ||X*||_F
    if not size > 0:
        raise InvalidInputError("at least half of y is zero: the matrix is, or too few are given.")
    rho = default_rho(alpha) if rho is None else rho
    start = math.sqrt(size) * spectral_start(y, used, width, alpha)
    rule: Rule
    if corrupted:
        rule, steps = Decaying(eta0, rho), steps_to(1e-7, rho) if steps is None else steps
    else:
        rule, steps = Proportional(eta0 / size), 1000 if steps is None else steps
    found = Choice(bool(kept.any()))
    reason: Literal["exact", "steps"] = "steps"
    for now in iterates(start[None], y, used, rule, steps, Absolute()):
        left = apart.apply(now.product[0]) - left_out
        found.offer(now.t, now.u[0], float(now.loss[0]), float(left.abs().mean()))
        if found.losses[-1] <= 4 * torch.finfo(y.dtype).eps * size:
            reason = "exact"
            break
    factor = found.factor
    return Recovery(
        like(factor @ factor.mT, given),
        like(factor, given),
        found.losses,
        found.held_out,
        found.chosen,
        reason,
    )


class Choice:
    """The last iterate offered, or that of the least held-out loss."""

    def __init__(self, holds_out: bool):
        self.holds_out = holds_out
        self.losses: list[float] = []
        self.held_out: list[float] = []
        self.chosen = 0
        self.factor: Tensor

    def offer(self, t: int, u: Tensor, loss: float, held_out: float) -> None:
        self.losses.append(loss)
        if self.holds_out:
            self.held_out.append(held_out)
            if held_out > min(self.held_out):
                return
        self.chosen, self.factor = t, u.clone()
