"""Learning-rate schedules as factors of the top rate, functions of the number of steps taken."""

from __future__ import annotations

import math
from collections.abc import Callable

from common.errors import InvalidInputError

Schedule = Callable[[int], float]


def _cosine(t: float, total: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * min(t, total) / total)) if total > 0 else 0.0


def warmup_cosine_epochs(steps_per_epoch: int, epochs: int, warmup_epochs: int) -> Schedule:
    """S5's schedule: linear over the warm-up, then a cosine whose clock was never reset.

    With S steps an epoch and w warm-up epochs the factor is (step+1)/(S w), then
    0.5 (1 + cos(pi min(step, T)/T)) with T = S (epochs - w): the cosine is entered at t = S w and
    the last w epochs run at rate 0.
    """
    warmup = steps_per_epoch * warmup_epochs
    total = steps_per_epoch * (epochs - warmup_epochs)
    return lambda step: (step + 1) / warmup if step < warmup else _cosine(step, total)


def warmup_cosine_steps(warmup: int, total: int) -> Schedule:
    """S4's schedule: linear over ``warmup`` steps, then a cosine down to 0 at ``total`` steps."""
    return lambda step: step / warmup if step < warmup else _cosine(step - warmup, total - warmup)


def cosine_steps(total: int) -> Schedule:
    """A cosine from 1 at the first step to 0 after ``total`` steps."""
    return lambda step: _cosine(step, total)


def cosine_epochs(steps_per_epoch: int, epochs: int) -> Schedule:
    """A cosine that moves once an epoch."""
    return lambda step: _cosine(step // steps_per_epoch, epochs)


def one_cycle(warmup: int, total: int) -> Schedule:
    """Smith's one-cycle policy: a half cosine from 1/25 up to 1 at the end of the warm-up, another
    down to 4e-6 at the last step (PyTorch's ``OneCycleLR`` with its default factors)."""
    start, end = 1 / 25, 1 / 25 / 1e4
    top, last = warmup - 1, total - 1

    def factor(step: int) -> float:
        if step <= top:
            return 1 + (start - 1) * _cosine(step, top)
        return end + (1 - end) * _cosine(step - top, last - top)

    return factor


def step_halving(steps_per_epoch: int, epochs: int) -> Schedule:
    """Half the rate after each quarter of the epochs: 50, 100 and 150 of 200 (S4D on BIDMC)."""
    return lambda step: 0.5 ** min(4 * (step // steps_per_epoch) // epochs, 3)


SCHEDULES = (
    "warmup_cosine_epochs",
    "warmup_cosine_steps",
    "cosine_steps",
    "cosine_epochs",
    "one_cycle",
    "step_halving",
)


def schedule(
    name: str,
    *,
    steps_per_epoch: int,
    epochs: int,
    warmup_epochs: int = 0,
    warmup_steps: int = 0,
    total_steps: int = 0,
) -> Schedule:
    """A schedule by name; ``total_steps`` 0 stands for the whole training.

    Raises:
        InvalidInputError: the name is unknown or a length does not fit.
    """
    total = total_steps or steps_per_epoch * epochs
    if warmup_epochs < 0 or warmup_epochs > epochs or warmup_steps < 0 or warmup_steps > total:
        raise InvalidInputError(
            f"warmup_epochs={warmup_epochs} (allowed: 0 to epochs={epochs}), warmup_steps="
            f"{warmup_steps} (allowed: 0 to {total}): one is out of range."
        )
    if name == "warmup_cosine_epochs":
        return warmup_cosine_epochs(steps_per_epoch, epochs, warmup_epochs)
    if name == "warmup_cosine_steps":
        return warmup_cosine_steps(warmup_steps, total)
    if name == "cosine_steps":
        return cosine_steps(total)
    if name == "cosine_epochs":
        return cosine_epochs(steps_per_epoch, epochs)
    if name == "one_cycle":
        return one_cycle(warmup_steps, total)
    if name == "step_halving":
        return step_halving(steps_per_epoch, epochs)
    raise InvalidInputError(f"schedule={name!r}; allowed: {', '.join(SCHEDULES)}.")
