"""C6: squared l2 distances."""

from __future__ import annotations

import statistics
import time

import numpy as np
import torch

from common.experiment.context import RunContext, TaskResult
from papers.private_similarity.mechanisms import Laplace
from papers.private_similarity.problems import draw
from papers.private_similarity.simulation import NoNoise, Simulation
from papers.private_similarity.squared import SquaredSums, deviation


def run(context: RunContext) -> TaskResult:
    """``exact``, largest relative error without noise; ``std_ratio``, deviation over releases over
    the closed form, root mean square over queries, and the ``_least`` and ``_largest`` of a query;
    ``time_ratio``, of a batch of queries at the last number of points to the first."""
    task, seed = context.config.task, context.config.seed
    rng = np.random.default_rng(seed)
    y = torch.from_numpy(rng.random((task.queries, task.size)))
    x = draw("uniform", task.points, task.size, rng)
    exact = torch.cdist(y, x).square().sum(1)
    still = SquaredSums.release(x, NoNoise()).query(y)
    mechanism = Laplace(1.0, Simulation([seed, 1]))
    answers = []
    for _ in range(task.releases):
        answers.append(SquaredSums.release(x, mechanism).query(y))
        context.stop.raise_if_set()
    ratio = torch.stack(answers).std(0, correction=0) / deviation(y, mechanism)
    structures = [
        SquaredSums.release(draw("uniform", n, task.size, rng), mechanism) for n in task.timed
    ]
    seconds: list[list[float]] = [[] for _ in structures]
    for _ in range(task.repeats):
        for taken, structure in zip(seconds, structures, strict=True):
            begun = time.perf_counter()
            for _ in range(task.calls):
                structure.query(y)
            taken.append(time.perf_counter() - begun)
    first, *_, last = map(statistics.median, seconds)
    return TaskResult(
        {
            "exact": float(((still - exact).abs() / exact).max()),
            "std_ratio": float(ratio.square().mean().sqrt()),
            "std_ratio_least": float(ratio.min()),
            "std_ratio_largest": float(ratio.max()),
            "time_ratio": last / first,
            "query_seconds": first / task.calls,
        }
    )
