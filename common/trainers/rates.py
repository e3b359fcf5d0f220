"""Learning rates of image networks, as factors of the first, by steps taken."""

from __future__ import annotations

from collections.abc import Sequence

from common.trainers.schedules import Schedule


def constant() -> Schedule:
    """1."""
    return lambda step: 1.0


def linear_to_zero(total: int) -> Schedule:
    """1 at the first step, 1 / total at the last, 0 after it."""
    return lambda step: max(0.0, 1 - step / total)


def step_decay(total: int, milestones: Sequence[float], factor: float = 0.1) -> Schedule:
    """Times ``factor`` once each of these parts of the training is behind."""
    steps = [round(part * total) for part in milestones]
    return lambda step: factor ** sum(step >= s for s in steps)
