"""C11: the condition of the matrix costs rounds."""

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
    """``rounds_kappa*`` to ``bound``."""
    task, seed = context.config.task, context.config.seed
    metrics: dict[str, float] = {}
    for kappa in task.kappas:
        rng = np.random.default_rng(seed)
        problem = draw(task.size, task.rank, task.share, rng, kappa=kappa)
        problem = problem.to(device(context.config.trainer))
        start = spectral_start(problem.observed, task.rank, math.inf)
        found = alternate(problem.observed, start, task.rounds, Exact(), truth=problem.truth)
        metrics[f"rounds_kappa{kappa:g}"] = first_below(found.errors, task.bound) + 1
        context.stop.raise_if_set()
    return TaskResult(metrics)
