"""C10: short sums of exponentials, and the smooth kernels that are released by them."""

from __future__ import annotations

import numpy as np
import torch

from common.experiment.context import RunContext, TaskResult
from papers.private_similarity.exponential_sums import inverse_sum
from papers.private_similarity.kernels import exact_average
from papers.private_similarity.mechanisms import Laplace
from papers.private_similarity.simulation import Simulation
from papers.private_similarity.smooth import SmoothKernelSums
from papers.private_similarity.tasks.vectors import median_distance


def run(context: RunContext) -> TaskResult:
    """``sup_m*``, the largest error over z; ``weight_least``; ``weights_least`` and ``_largest`` of
    their sums; ``private_*``, mean |answer - average| by kernel, ``private_*_equal`` with equal
    parts of the budget, ``private_*_clipped`` to [0, 1]."""
    task, seed = context.config.task, context.config.seed
    sums = {m: inverse_sum(m) for m in task.terms}
    metrics = {f"sup_m{m}": found.error() for m, found in sums.items()}
    totals = [sum(found.weights) for found in sums.values()]
    metrics |= {
        "weight_least": min(min(found.weights) for found in sums.values()),
        "weights_least": min(totals),
        "weights_largest": max(totals),
    }
    rng = np.random.default_rng(seed)
    x, y = (
        torch.from_numpy(rng.standard_normal((count, task.size))).float()
        for count in (task.points, task.queries)
    )
    bandwidth = median_distance(x, y)
    for kernel in ("inverse", "inverse_square"):
        exact = exact_average(x, y, kernel, bandwidth)
        for name, split in (("", "weighted"), ("_equal", "equal")):
            released = SmoothKernelSums.release(
                x,
                Laplace(task.epsilon, Simulation([seed, 1])),
                kernel=kernel,
                bandwidth=bandwidth,
                terms=task.released_terms,
                features=task.features,
                split=split,
                seed=seed,
            )
            for suffix, clip in (("", False), ("_clipped", True)):
                off = (released.query(y, clip).double() - exact).abs().mean()
                metrics[f"private_{kernel}{name}{suffix}"] = float(off)
            context.stop.raise_if_set()
    return TaskResult(metrics)
