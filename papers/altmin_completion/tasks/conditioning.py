"""C11: the condition of the matrix costs rounds."""

from __future__ import annotations

import math
import statistics

import numpy as np

from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from common.recovery.rates import first_below
from papers.altmin_completion.models import alternate, spectral_start
from papers.altmin_completion.problems import draw
from papers.altmin_completion.solvers import Exact


def run(context: RunContext) -> TaskResult:
    """Of some problems, the same bases and masks at every condition: ``rounds_kappa*``, the most to
    ``bound``; ``reached_kappa*``, how many reach it; ``median_kappa*`` of the rounds, one more than
    were done where it is not reached; ``median_gap``, of the largest condition less that of the
    smallest; ``short``, rows and columns with fewer entries than the rank, of all problems."""
    task = context.config.task
    metrics: dict[str, float] = {}
    short = 0
    for kappa in task.kappas:
        counts = []
        for number in range(task.problems):
            rng = np.random.default_rng(context.config.seed * task.problems + number)
            problem = draw(task.size, task.rank, task.share, rng, kappa=kappa)
            problem = problem.to(device(context.config.trainer))
            start = spectral_start(problem.observed, task.rank, math.inf)
            found = alternate(problem.observed, start, task.rounds, Exact(), truth=problem.truth)
            counts.append(first_below(found.errors, task.bound) + 1)
            short += found.short
            context.stop.raise_if_set()
        metrics |= {
            f"rounds_kappa{kappa:g}": max(counts),
            f"reached_kappa{kappa:g}": float(sum(count <= task.rounds for count in counts)),
            f"median_kappa{kappa:g}": statistics.median(counts),
        }
    high, low = (metrics[f"median_kappa{end(task.kappas):g}"] for end in (max, min))
    # Masks are the same at every condition.
    return TaskResult(metrics | {"median_gap": high - low, "short": short / len(task.kappas)})
