"""C10: how many entries completion takes, by rank and by size."""

from __future__ import annotations

import math

import numpy as np

from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from papers.altmin_completion.models import alternate, spectral_start
from papers.altmin_completion.problems import draw
from papers.altmin_completion.solvers import ConjugateGradient, Exact, Solver


def run(context: RunContext) -> TaskResult:
    """``completed_k*_c*``, of the problems, at p = c k / n; ``frontier_n*``, the least c of a grid
    with which enough are, exactly and (``_cg2``) by two warm steps; ``frontier_growth`` from the
    least to the largest n."""
    task = context.config.task
    metrics: dict[str, float] = {}
    for rank, factor in task.cases:
        count = completed(context, task.size, int(rank), factor, Exact())
        metrics[f"completed_k{int(rank)}_c{factor:g}"] = float(count)
    grid = np.arange(task.factors[0], task.factors[1] + task.factors[2] / 2, task.factors[2])
    for size in task.sizes:
        metrics[f"frontier_n{size}"] = frontier(context, size, grid.tolist(), Exact())
    for size in task.approximate_sizes:
        found = frontier(context, size, grid.tolist(), ConjugateGradient(2))
        metrics[f"frontier_cg2_n{size}"] = found
    first, last = (metrics[f"frontier_n{size}"] for size in (task.sizes[0], task.sizes[-1]))
    return TaskResult(metrics | {"frontier_growth": last - first})


def frontier(context: RunContext, size: int, grid: list[float], solver: Solver) -> float:
    """The least c; the grid's end and one step if none is enough."""
    task = context.config.task
    for factor in grid:
        if completed(context, size, task.rank, factor, solver) >= task.wanted:
            return factor
    return grid[-1] + task.factors[2]


def completed(context: RunContext, size: int, rank: int, factor: float, solver: Solver) -> int:
    """Problems whose relative error falls below the bound."""
    task, where = context.config.task, device(context.config.trainer)
    share = factor * rank / size
    if share > 1:
        raise InvalidInputError(f"c={factor:g} at k={rank}, n={size} is more than every entry.")
    found = 0
    for number in range(task.problems):
        rng = np.random.default_rng(context.config.seed * task.problems + number)
        problem = draw(size, rank, share, rng).to(where)
        start = spectral_start(problem.observed, rank, math.inf)
        run = alternate(problem.observed, start, task.rounds, solver)
        found += problem.error(run.matrix()) < task.bound
        context.stop.raise_if_set()
    return found
