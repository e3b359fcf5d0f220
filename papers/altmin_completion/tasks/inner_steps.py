"""C4: a few warm steps of an inner solver are enough, cold ones are not."""

from __future__ import annotations

import math

import numpy as np

from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from papers.altmin_completion.models import alternate, spectral_start
from papers.altmin_completion.problems import draw
from papers.altmin_completion.solvers import ConjugateGradient, Exact, Sketched


def run(context: RunContext) -> TaskResult:
    """``error_*`` after the rounds, of exact half rounds and of ``warm<steps>``, ``cold<steps>``;
    ``ratio_*`` to the exact one's; ``sketched_*`` by a preconditioner, by kind;
    ``short``, rows and columns with fewer entries than the rank."""
    task, seed = context.config.task, context.config.seed
    problem = draw(task.size, task.rank, task.share, np.random.default_rng(seed))
    problem = problem.to(device(context.config.trainer))
    start = spectral_start(problem.observed, task.rank, math.inf)
    solvers = {"exact": Exact(), "qr": Exact("qr")}
    solvers |= {f"warm{n}": ConjugateGradient(n) for n in task.warm}
    solvers |= {f"cold{n}": ConjugateGradient(n, warm=False) for n in task.cold}
    solvers |= {f"sketched_{kind}": Sketched(kind=kind, seed=seed) for kind in task.kinds}
    metrics: dict[str, float] = {}
    for name, solver in solvers.items():
        found = alternate(problem.observed, start, task.rounds, solver, truth=problem.truth)
        metrics[f"error_{name}"] = found.errors[-1]
        metrics["short"] = float(found.short)
        context.stop.raise_if_set()
    exact = metrics["error_exact"]
    return TaskResult(
        metrics | {f"ratio_{name}": metrics[f"error_{name}"] / exact for name in solvers}
    )
