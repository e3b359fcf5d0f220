"""C6: squared l2 distances."""

from __future__ import annotations

import statistics
import time

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

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
    first, *_, last = query_seconds(structures, y, task.calls, task.repeats)
    return TaskResult(
        {
            "exact": float(((still - exact).abs() / exact).max()),
            "std_ratio": float(ratio.square().mean().sqrt()),
            "std_ratio_least": float(ratio.min()),
            "std_ratio_largest": float(ratio.max()),
            "time_ratio": last / first,
            "query_seconds": first,
        }
    )


def query_seconds(
    structures: list[SquaredSums], y: Float[Tensor, "q d"], calls: int, repeats: int
) -> list[float]:
    """Median of each, in turns whose order is turned round every time; the first does not count."""
    taken: list[list[float]] = [[] for _ in structures]
    for turn in range(repeats + 1):
        pairs = list(zip(taken, structures, strict=True))
        for seconds, structure in pairs[:: 1 if turn % 2 else -1]:
            begun = time.perf_counter()
            for _ in range(calls):
                structure.query(y)
            seconds.append((time.perf_counter() - begun) / calls)
    return [statistics.median(seconds[1:]) for seconds in taken]
