"""The convex reference: least absolute deviations over positive semidefinite matrices."""

from __future__ import annotations

import time

import numpy as np

from common.experiment.context import RunContext, TaskResult
from papers.subgm.convex import recover_convex
from papers.subgm.models import follow, spectral_start
from papers.subgm.problem import Noise, draw
from papers.subgm.steps import Decaying


def run(context: RunContext) -> TaskResult:
    """``convex``, ``nuclear``, with a weight on the nuclear norm, and ``subgm``, errors, and
    ``*_seconds`` of the first and the last, on the processor."""
    task = context.config.task
    rng = np.random.default_rng(context.config.seed)
    noise = Noise(task.fraction, task.outlier)
    given = draw(task.size, [1.0] * task.rank, task.measurements, noise, rng)
    begun = time.perf_counter()
    convex = recover_convex(given.y.numpy(), given.sensing, 0.0)
    between = time.perf_counter()
    start = spectral_start(given.y, given.sensing, task.size, task.alpha)[None]
    rule = Decaying(task.eta0, task.rho)
    found = follow(start, given.y, given.sensing, rule, task.steps, given.truth)
    ended = time.perf_counter()
    nuclear = recover_convex(given.y.numpy(), given.sensing, task.weight)
    return TaskResult(
        {
            "convex": float(np.linalg.norm(convex - given.truth.numpy())),
            "nuclear": float(np.linalg.norm(nuclear - given.truth.numpy())),
            "subgm": found.last[0],
            "convex_seconds": between - begun,
            "subgm_seconds": ended - between,
        }
    )
