"""C15: time to a small error, beside other methods."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float
from torch import Tensor

from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from papers.altmin_completion.models import rounds, spectral_start
from papers.altmin_completion.peers import projected_gradient, seconds_to, soft_impute
from papers.altmin_completion.problems import Problem, draw
from papers.altmin_completion.solvers import ConjugateGradient, Exact, Solver


def run(context: RunContext) -> TaskResult:
    """``seconds_*`` to the bound, the limit where it is not reached, and ``error_*`` then."""
    task, seed = context.config.task, context.config.seed
    problem = draw(task.size, task.rank, task.share, np.random.default_rng(seed))
    problem = problem.to(device(context.config.trainer))
    observed = problem.observed
    ways = {
        "exact": lambda: iterates(problem, task.rank, Exact(), task.rounds),
        "cg2": lambda: iterates(problem, task.rank, ConjugateGradient(2), task.rounds),
        "projected_gradient": lambda: projected_gradient(observed, task.rank, task.steps),
        "soft_impute": lambda: soft_impute(observed, task.steps),
    }
    metrics: dict[str, float] = {}
    _ = observed.filled, observed.mask, observed.transposed.filled, observed.transposed.mask
    spectral_start(observed, task.rank)  # its modules are imported by the first call
    for name, way in ways.items():
        seconds, error = seconds_to(way(), problem.truth, task.bound, task.limit)
        metrics |= {f"seconds_{name}": seconds, f"error_{name}": error}
        context.stop.raise_if_set()
    return TaskResult(metrics)


def iterates(
    problem: Problem, rank: int, solver: Solver, most: int
) -> Iterator[Float[Tensor, "m n"]]:
    """The method's matrices, its start included in the first one's time."""
    start = spectral_start(problem.observed, rank, math.inf)
    for now in rounds(problem.observed, start, most, solver):
        yield now.left @ now.right.mT
