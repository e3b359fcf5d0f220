"""Settings of a training that contradict each other, or would have no effect."""

from __future__ import annotations

from omegaconf import DictConfig

from common.errors import InvalidInputError
from papers.maestro.schema import ShrinkingTask

METHODS = ("maestro", "spectral", "pufferfish", "dense")
# What each setting belongs to; the others would pass it over in silence.
_OF = {
    "sampling": ("maestro",),
    "full_pass": ("maestro",),
    "group_lasso": ("maestro", "spectral"),
    "hierarchical": ("maestro", "spectral"),
    "last_dense": ("maestro", "spectral"),
    "first_dense": ("maestro", "spectral", "pufferfish"),
    "rank_ratio": ("pufferfish",),
}


def check_settings(task: DictConfig) -> None:
    """Before anything is loaded or trained.

    Raises:
        InvalidInputError: no such method, or a setting that it does not have.
    """
    if task.method not in METHODS:
        raise InvalidInputError(f"task.method={task.method!r}; allowed: {', '.join(METHODS)}.")
    for name, methods in _OF.items():
        if task.method not in methods and task[name] != getattr(ShrinkingTask, name):
            raise InvalidInputError(
                f"task.{name}={task[name]} has no effect with task.method={task.method}; it is of "
                f"{', '.join(methods)}."
            )
