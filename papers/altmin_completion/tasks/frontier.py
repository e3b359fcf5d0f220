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
    or a step past the grid; ``frontier_growth`` from the least to the largest n; ``short_*`` and
    ``empty_*``, rows and columns with fewer entries than the rank and without any, of all problems
    of a case.

    Raises:
        InvalidInputError: a rank that is not whole, or more entries than there are.
    """
    task = context.config.task
    metrics: dict[str, float] = {}
    for rank, factor in task.cases:
        if rank != int(rank):
            raise InvalidInputError(f"cases: a rank of {rank:g}; allowed: whole numbers.")
        case = f"k{int(rank)}_c{factor:g}"
        metrics |= completed(context, task.size, int(rank), factor, Exact(), case)
    start, end, step = task.factors
    grid = np.arange(start, end + step / 2, step).tolist()
    for name, sizes, solver in (
        ("", task.sizes, Exact()),
        ("cg2_", task.approximate_sizes, ConjugateGradient(2)),
    ):
        for size in sizes:
            cases = {factor: f"{name}n{size}_c{factor:g}" for factor in grid}
            for factor, case in cases.items():
                metrics |= completed(context, size, task.rank, factor, solver, case)
            enough = [
                factor for factor, case in cases.items()
                if metrics[f"completed_{case}"] >= task.wanted
            ]  # fmt: skip
            metrics[f"frontier_{name}n{size}"] = enough[0] if enough else grid[-1] + step
    first, last = (metrics[f"frontier_n{size}"] for size in (task.sizes[0], task.sizes[-1]))
    return TaskResult(metrics | {"frontier_growth": last - first})


def completed(
    context: RunContext, size: int, rank: int, factor: float, solver: Solver, case: str
) -> dict[str, float]:
    """Problems whose relative error falls below the bound; their short and empty rows."""
    task, where = context.config.task, device(context.config.trainer)
    share = factor * rank / size
    if share > 1:
        raise InvalidInputError(f"c={factor:g} at k={rank}, n={size} is more than every entry.")
    found = dict.fromkeys((f"completed_{case}", f"short_{case}", f"empty_{case}"), 0.0)
    for number in range(task.problems):
        rng = np.random.default_rng(context.config.seed * task.problems + number)
        problem = draw(size, rank, share, rng).to(where)
        start = spectral_start(problem.observed, rank, math.inf)
        run = alternate(problem.observed, start, task.rounds, solver)
        found[f"completed_{case}"] += problem.error(run.matrix()) < task.bound
        found[f"short_{case}"] += run.short
        found[f"empty_{case}"] += run.empty
        context.stop.raise_if_set()
    return found
