"""C18: l_p regression on a sample of a real table."""

from __future__ import annotations

import numpy as np
import torch

from common.experiment.context import RunContext, TaskResult
from common.sketching.rows import drawn
from papers.sensitivity_sampling.distortion import Original
from papers.sensitivity_sampling.models import Scores
from papers.sensitivity_sampling.regression import loss, regress
from papers.sensitivity_sampling.tables import Table, load


def run(context: RunContext) -> TaskResult:
    """By table and p, the largest over the samples: ``loss_*``, ||A x - b||_p^p of a sample's
    solution over the least; ``over_*``, that over (1 + eps) / (1 - eps), eps of the sample of
    [A b]; and ``eps_*``, the median."""
    task, seed = context.config.task, context.config.seed
    tables = [load(n, task.components if n == "digits" else None) for n in task.tables]
    metrics: dict[str, float] = {}
    for table in tables:
        for p in task.powers:
            rng = np.random.default_rng(seed)
            metrics |= of_table(table, p, task.factor, task.coins, rng)
            context.stop.raise_if_set()
    return TaskResult(metrics, [table.entry for table in tables])


def of_table(
    table: Table, p: float, factor: float, coins: int, rng: np.random.Generator
) -> dict[str, float]:
    """Samples of ``factor`` rows a column of A."""
    joint = torch.cat([table.matrix, table.target[:, None]], 1)
    scores, original = Scores.of(joint, p).by("sensitivity"), Original.of(joint, p)
    least = loss(table.matrix, table.target, regress(table.matrix, table.target, p), p)
    ratios, over, distortions = [], [], []
    for _ in range(coins):
        sample = drawn(scores, factor * table.matrix.shape[1], rng)
        eps = original.distortion(sample.spread(len(joint))).value
        kept = sample.rows(joint, p)
        x = regress(kept[:, :-1], kept[:, -1], p)
        ratios.append(loss(table.matrix, table.target, x, p) / least)
        # From eps = 1 on nothing is promised.
        over.append(ratios[-1] * max(1 - eps, 0) / (1 + eps))
        distortions.append(eps)
    name = f"{table.name}_p{p:g}"
    return {
        f"loss_{name}": max(ratios),
        f"over_{name}": max(over),
        f"eps_{name}": float(np.median(distortions)),
    }
