"""C3: errors in every half round do not add up."""

from __future__ import annotations

import math

import numpy as np

from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from common.recovery.rates import first_below
from papers.altmin_completion.models import alternate, spectral_start
from papers.altmin_completion.problems import draw
from papers.altmin_completion.solvers import Exact


def run(context: RunContext) -> TaskResult:
    """``floor_e*``, the last error over that of every half round; ``floor_spread``, its largest
    over its smallest; ``late_e*``, rounds to twice the floor, more than the exact run takes."""
    task, seed = context.config.task, context.config.seed
    problem = draw(task.size, task.rank, task.share, np.random.default_rng(seed))
    problem = problem.to(device(context.config.trainer))
    start = spectral_start(problem.observed, task.rank, math.inf)

    def errors(size: float) -> list[float]:
        found = alternate(
            problem.observed, start, task.rounds, Exact(), perturb=size, seed=seed,
            truth=problem.truth,
        )  # fmt: skip
        context.stop.raise_if_set()
        return found.errors

    exact = errors(0.0)
    metrics: dict[str, float] = {}
    for size in task.perturbations:
        noisy = errors(size)
        floor = noisy[-1]
        metrics[f"floor_e{size:g}"] = floor / size
        metrics[f"late_e{size:g}"] = first_below(noisy, 2 * floor) - first_below(exact, 2 * floor)
    floors = [metrics[f"floor_e{size:g}"] for size in task.perturbations]
    return TaskResult(metrics | {"floor_spread": max(floors) / min(floors)})
