"""C1: with a column too many the squared error falls like 1 / T^2; C2: else geometrically."""

from __future__ import annotations

import math

import numpy as np

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
    limit, of the last of ``steps_at``, and ``constant_rise_k*``, the least rise between them. Of k
    = r, on equal and unequal values: ``error_*``, the last and at a step, ``ratio_*`` of successive
    errors and its distance ``ratio_error_*`` to the closed form."""
    task, seed = context.config.task, context.config.seed
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

    if len(task.steps_at) < 2 or task.steps_at[0] < 1 or min(np.diff(task.steps_at)) < 1:
        raise InvalidInputError(
            f"task.steps_at={list(task.steps_at)}; allowed: two or more, from 1 on, ascending."
        )
    if min(task.widths) <= rank:
        raise InvalidInputError(
            f"task.widths={list(task.widths)}; allowed: above the rank, {rank}."
        )
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
        last_above = int(np.flatnonzero(found > min(task.ratio_above, found[0] / 2))[-1])
        measured = found[max(last_above, 1)] / found[max(last_above, 1) - 1]
        metrics[f"ratio_{name}"] = measured
        metrics[f"ratio_error_{name}"] = abs(measured - ratio(min(values), task.eta))
        metrics[f"error_{name}"] = found[-1]
        metrics[f"error_{name}_{task.exact_at}"] = found[min(task.exact_at, len(found) - 1)]
        curves |= trajectory(f"error_{name}", found)
    return TaskResult(metrics, curves=curves)
