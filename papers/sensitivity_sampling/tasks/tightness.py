"""C11: for p < 2, S^{2/p} is a constant times d on normal rows, and d rows are needed."""

from __future__ import annotations

import numpy as np
import torch

from common.experiment.context import RunContext, TaskResult
from papers.sensitivity_sampling import laws
from papers.sensitivity_sampling.distortion import Original
from papers.sensitivity_sampling.families import gaussian
from papers.sensitivity_sampling.sensitivities import sensitivities


def run(context: RunContext) -> TaskResult:
    """By p and d: ``below_*``, 1 less the smallest R of a sample of the first d - 1 rows;
    ``closed_*``, S over its closed form; ``rows_*``, S^{2/p} / d."""
    task = context.config.task
    metrics: dict[str, float] = {}
    for p in task.powers:
        for d in task.dims:
            rng = np.random.default_rng([context.config.seed, d])
            matrix = gaussian(task.rows, d, rng)
            total = sensitivities(matrix, p).total[1]
            weights = torch.zeros(task.rows, dtype=torch.float64)
            weights[: d - 1] = task.rows / (d - 1)
            name = f"p{p:g}_d{d}"
            metrics |= {
                f"below_{name}": Original.of(matrix, p).distortion(weights).below,
                f"closed_{name}": total / laws.gaussian_total(d, p),
                f"rows_{name}": laws.rows_by_total(total, p) / d,
            }
            context.stop.raise_if_set()
    return TaskResult(metrics)
