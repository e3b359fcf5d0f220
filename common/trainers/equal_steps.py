"""Trainings that are compared take the same number of steps."""

from __future__ import annotations

from collections.abc import Sequence


def equal_steps(steps: Sequence[int]) -> int:
    """The number that every training took; a comparison of others would say nothing.

    Raises:
        RuntimeError: they differ.
    """
    if len(set(steps)) != 1:
        raise RuntimeError(f"the trainings that are compared took {list(steps)} steps")
    return steps[0]
