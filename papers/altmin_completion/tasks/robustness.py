"""C3: errors in every half round do not add up."""

from __future__ import annotations

import math

import numpy as np

from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from common.recovery.rates import first_below
from common.sketching.leverage import incoherence
from papers.altmin_completion.models import (
    Completion,
    alternate,
    largest_incoherence,
    spectral_start,
)
from papers.altmin_completion.problems import draw
from papers.altmin_completion.solvers import Exact


def run(context: RunContext) -> TaskResult:
    """``floor_e*``, the last error over that of every half round; ``floor_spread``, its largest
    over its smallest; ``late_e*``, rounds to twice the floor, more than the exact run takes;
    ``mu_ratio_e*``, the largest incoherence of U from the second round on over the truth's (C7);
    ``short``, rows and columns with fewer entries than the rank."""
    task, seed = context.config.task, context.config.seed
    problem = draw(task.size, task.rank, task.share, np.random.default_rng(seed))
    problem = problem.to(device(context.config.trainer))
    start = spectral_start(problem.observed, task.rank, math.inf)

    def completed(size: float) -> Completion:
        found = alternate(
            problem.observed, start, task.rounds, Exact(), perturb=size, seed=seed,
            truth=problem.truth,
        )  # fmt: skip
        context.stop.raise_if_set()
        return found

    exact = completed(0.0)
    metrics = {"short": float(exact.short)}
    for size in task.perturbations:
        run = completed(size)
        noisy, floor = run.errors, run.errors[-1]
        metrics[f"floor_e{size:g}"] = floor / size
        metrics[f"late_e{size:g}"] = first_below(noisy, 2 * floor) - first_below(
            exact.errors, 2 * floor
        )
        metrics[f"mu_ratio_e{size:g}"] = largest_incoherence(run) / incoherence(problem.left)
    floors = [metrics[f"floor_e{size:g}"] for size in task.perturbations]
    return TaskResult(metrics | {"floor_spread": max(floors) / min(floors)})
