"""What several tasks read from their settings."""

from __future__ import annotations

import torch

from common.errors import InvalidInputError
from common.experiment.context import RunContext
from common.experiment.machine import device
from papers.hierarchical_polynomials.models import ThreeLayerNet, activation
from papers.hierarchical_polynomials.problems import Problem
from papers.hierarchical_polynomials.targets import Link, feature


def problem(context: RunContext, seed: int | None = None, size: int | None = None) -> Problem:
    """The target of a run, and its samples; of another seed or d where that is given."""
    task = context.config.task
    size = task.size if size is None else size
    return Problem(
        feature(task.feature, size, task.degree),
        Link(tuple(task.link)),
        size,
        context.config.seed if seed is None else seed,
        device(context.config.trainer),
    )


def network(
    context: RunContext,
    seed: int | None = None,
    *,
    size: int | None = None,
    width: int | None = None,
    **others,
) -> ThreeLayerNet:
    """A network with the run's sizes, from its seed, or with others that are given."""
    config = context.config
    task = config.task
    net = ThreeLayerNet(
        task.size if size is None else size,
        task.width if width is None else width,
        task.last_width,
        sigma(task),
        torch.Generator().manual_seed(config.seed if seed is None else seed),
        **others,
    )
    return net.to(device(config.trainer))


def sigma(task) -> tuple[float, ...] | str:
    """sigma2 by its name.

    Raises:
        InvalidInputError: sigma2 without its top degree at k = 1 is 0.
    """
    if getattr(task, "activation", "hermite") == "relu":
        return "relu"
    coefficients = activation(task.degree)
    if getattr(task, "activation", "hermite") == "no_top":
        if task.degree == 1:
            raise InvalidInputError("task.activation=no_top at task.degree=1 leaves nothing.")
        return coefficients[:-1]
    return coefficients
