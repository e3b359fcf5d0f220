"""C5: split rows keep norm and S, are few more, and are flat."""

from __future__ import annotations

import numpy as np
import torch

from common.experiment.context import RunContext, TaskResult
from papers.sensitivity_sampling.families import draw
from papers.sensitivity_sampling.flattening import flatten
from papers.sensitivity_sampling.powers import power
from papers.sensitivity_sampling.sensitivities import sensitivities


def run(context: RunContext) -> TaskResult:
    """By p: ``rows_p*`` over n; ``total_p*``, relative change of S; ``largest_p*``, of the largest
    sensitivity over C S / n; ``norm_p*``, the largest relative change of ||A x||_p^p over random
    x."""
    task, seed = context.config.task, context.config.seed
    metrics: dict[str, float] = {}
    for p in task.powers:
        rng = np.random.default_rng(seed)
        matrix = draw(task.family, task.rows, task.columns, rng)
        before = sensitivities(matrix, p)
        flat = flatten(before.upper, task.factor).rows(matrix, p)
        after = sensitivities(flat, p)
        x = torch.from_numpy(rng.standard_normal((matrix.shape[1], 100)))
        norms = [power(a @ x, p).sum(0) for a in (matrix, flat)]
        total = before.total[1]
        metrics |= {
            f"rows_p{p:g}": len(flat) / len(matrix),
            f"total_p{p:g}": abs(after.total[1] / total - 1),
            f"largest_p{p:g}": float(after.lower.max()) / (task.factor * total / len(matrix)),
            f"norm_p{p:g}": float((norms[1] / norms[0] - 1).abs().max()),
        }
        context.stop.raise_if_set()
    return TaskResult(metrics)
