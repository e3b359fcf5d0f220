"""C10: how many measurements recovery takes, by r'."""

from __future__ import annotations

import numpy as np

from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from papers.subgm.models import batch, follow, spectral_start
from papers.subgm.problem import Noise, draw
from papers.subgm.steps import Decaying


def run(context: RunContext) -> TaskResult:
    """``recovered_k*_m*``, of the problems drawn; ``place_k*``, of the least m in its list, from 0,
    with which enough are; past the list if none is enough; ``recovered``, of all."""
    task, where = context.config.task, device(context.config.trainer)
    noise = Noise(task.fraction, task.outlier)
    rule = Decaying(task.eta0, task.rho)
    counts = np.zeros((len(task.widths), len(task.measurements)))
    for column, m in enumerate(task.measurements):
        for number in range(task.problems):
            rng = np.random.default_rng(context.config.seed * task.problems + number)
            given = draw(task.size, [1.0] * task.rank, m, noise, rng).to(where)
            start = batch(
                [spectral_start(given.y, given.sensing, k, task.alpha) for k in task.widths]
            )
            found = follow(start, given.y, given.sensing, rule, task.steps, given.truth)
            counts[:, column] += found.last < task.bound
            context.stop.raise_if_set()
    metrics: dict[str, float] = {"recovered": float(counts.sum())}
    for k, row in zip(task.widths, counts, strict=True):
        enough = np.flatnonzero(row >= task.wanted)
        metrics[f"place_k{k}"] = float(enough[0] if len(enough) else len(row))
        metrics |= {
            f"recovered_k{k}_m{m}": count for m, count in zip(task.measurements, row, strict=True)
        }
    return TaskResult(metrics)
