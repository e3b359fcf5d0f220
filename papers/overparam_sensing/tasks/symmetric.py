"""C1: with a column too many the squared error falls like 1 / T^2; C2: else geometrically."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float
from omegaconf import DictConfig

from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from common.recovery.ground_truth import diagonal
from common.recovery.rates import power
from common.recovery.sensing import Population
from common.recovery.trajectory import trajectory
from papers.overparam_sensing.laws import ratio, sublinear_constant
from papers.overparam_sensing.models import Start, Symmetric, descend


def run(context: RunContext) -> TaskResult:
    """Of every width k above r: ``slope_k*`` of ln e over ln T, ``constant_k*`` = T^2 e_T over its
    limit, of the last of ``steps_at``, and ``constant_rise_k*``, the least rise between them. Of
    k = r, on equal and unequal values: ``error_*`` at step ``error_at``, ``ratio_*`` of successive
    errors and its distance ``ratio_error_*`` to the closed form."""
    task, seed = context.config.task, context.config.seed
    _check(task)
    where = device(context.config.trainer)
    rank = len(task.spectrum)
    population = Population((task.size, task.size))
    metrics: dict[str, float] = {}
    curves: dict[str, list[float]] = {}

    def errors(values: list[float], width: int, steps: int) -> np.ndarray:
        x, _ = Start(task.size, task.size, width).draw([seed], [task.alpha])
        found = descend(
            Symmetric(x.to(where)),
            diagonal(values, task.size).to(where),
            population,
            task.eta,
            steps,
        )
        context.stop.raise_if_set()
        return found[:, 0]

    last = task.steps_at[-1]
    for width in task.widths:
        found = errors(task.spectrum, width, last)
        limit = sublinear_constant(task.size, rank, width, task.eta)
        constants = [found[t] * t**2 / limit for t in task.steps_at]
        fitted = [t for t in task.steps_at if t >= last // 4]
        # Between the doublings, so that the line has five points or more.
        fitted = sorted({*fitted, *(round(t / math.sqrt(2)) for t in fitted[1:])})
        metrics[f"slope_k{width}"] = power(found, fitted).slope
        metrics[f"constant_k{width}"] = constants[-1]
        metrics[f"constant_rise_k{width}"] = min(np.diff(constants))
        curves |= trajectory(f"error_k{width}", found)
    for name, values in (("equal", task.spectrum), ("unequal", task.unequal)):
        found = errors(values, rank, task.exact_steps)
        measured = _last_ratio(found, task.ratio_above)
        metrics[f"ratio_{name}"] = measured
        metrics[f"ratio_error_{name}"] = abs(measured - ratio(min(values), task.eta))
        metrics[f"error_{name}"] = found[task.error_at]
        curves |= trajectory(f"error_{name}", found)
    return TaskResult(metrics, curves=curves)


def _last_ratio(errors: Float[np.ndarray, " steps"], above: float) -> float:
    """Of the last two errors above a bound.

    Raises:
        InvalidInputError: fewer than two are.
    """
    last = np.flatnonzero(errors > above)
    if len(last) < 2:
        raise InvalidInputError(
            f"{len(last)} of {len(errors)} errors are above task.ratio_above={above:g}; a ratio "
            f"needs two: take it smaller."
        )
    return errors[last[-1]] / errors[last[-1] - 1]


def _check(task: DictConfig) -> None:
    rank = len(task.spectrum)
    if len(task.steps_at) < 2 or task.steps_at[0] < 1 or min(np.diff(task.steps_at)) < 1:
        raise InvalidInputError(
            f"task.steps_at={list(task.steps_at)}; allowed: two or more, from 1 on, ascending."
        )
    if min(task.widths) <= rank or rank >= task.size:
        raise InvalidInputError(
            f"task.widths={list(task.widths)}, of {rank} singular values and task.size={task.size};"
            f" allowed: above {rank}, which is below task.size."
        )
    if len(task.unequal) != rank:
        raise InvalidInputError(
            f"task.unequal={list(task.unequal)}; allowed: {rank} values, as in task.spectrum."
        )
    if task.error_at > task.exact_steps:
        raise InvalidInputError(
            f"task.error_at={task.error_at}; allowed: 1 to task.exact_steps={task.exact_steps}."
        )
