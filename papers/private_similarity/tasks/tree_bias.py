"""C1: what annuli and leaves lose, without noise."""

from __future__ import annotations

import numpy as np
import torch

from common.experiment.context import RunContext, TaskResult
from papers.private_similarity.exact import l1_sums, rounded_sums
from papers.private_similarity.models import DistanceSums
from papers.private_similarity.problems import SETS, draw
from papers.private_similarity.simulation import NoNoise


def run(context: RunContext) -> TaskResult:
    """Over all sets and queries: ``ratio_least`` of answers to sums of rounded distances;
    ``over_a*``, by how much the largest is above 1 + alpha; ``rounding``, the most that rounding
    moves a sum, over n R / L; ``outside``, answers below S - n R / L or above (1 + alpha)(S + n R /
    L)."""
    task, rng = context.config.task, np.random.default_rng(context.config.seed)
    leaves = 2**task.height
    step = task.points / leaves
    least, over, moved, outside = [], {a: [] for a in task.alphas}, [], 0
    for name in SETS:
        x = draw(name, task.points, 1, rng)
        y = torch.from_numpy(rng.random((task.queries, 1)))
        sums, rounded = l1_sums(x, y), rounded_sums(x, y, 0.0, 1.0, leaves)
        moved.append(float((sums - rounded).abs().max()) / step)
        released = DistanceSums.release(x, NoNoise(), height=task.height)
        for alpha in task.alphas:
            answers = released.query(y, alpha)
            ratio = answers / rounded
            least.append(float(ratio.min()))
            over[alpha].append(float(ratio.max()) - 1 - alpha)
            wrong = (answers < sums - step) | (answers > (1 + alpha) * (sums + step))
            outside += int(wrong.sum())
        context.stop.raise_if_set()
    return TaskResult(
        {"ratio_least": min(least), "rounding": max(moved), "outside": float(outside)}
        | {f"over_a{alpha:g}": max(values) for alpha, values in over.items()}
    )
