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
    """``completed_k*_c*``, of the problems, at p = c k / n; ``completed_n*_c*`` on a grid of c,
    exactly and (``cg2``) by two warm steps, and ``frontier_n*``, the least with which enough are,
    or a step past the grid; ``frontier_growth`` from the least to the largest n."""
    task = context.config.task
    metrics: dict[str, float] = {}
    for rank, factor in task.cases:
        count = completed(context, task.size, int(rank), factor, Exact())
        metrics[f"completed_k{int(rank)}_c{factor:g}"] = float(count)
    start, end, step = task.factors
    grid = np.arange(start, end + step / 2, step).tolist()
    for name, sizes, solver in (
        ("", task.sizes, Exact()),
        ("cg2_", task.approximate_sizes, ConjugateGradient(2)),
    ):
        for size in sizes:
            counts = [completed(context, size, task.rank, factor, solver) for factor in grid]
            metrics |= {
                f"completed_{name}n{size}_c{factor:g}": float(count)
                for factor, count in zip(grid, counts, strict=True)
            }
            enough = [
                factor for factor, count in zip(grid, counts, strict=True) if count >= task.wanted
            ]
            metrics[f"frontier_{name}n{size}"] = enough[0] if enough else grid[-1] + step
    first, last = (metrics[f"frontier_n{size}"] for size in (task.sizes[0], task.sizes[-1]))
    return TaskResult(metrics | {"frontier_growth": last - first})


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
