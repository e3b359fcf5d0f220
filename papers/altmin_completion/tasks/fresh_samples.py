"""C12: entries of its own for every half round, as in the proof, or all of them."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from papers.altmin_completion.models import alternate, distance, parts, spectral_start
from papers.altmin_completion.problems import draw
from papers.altmin_completion.solvers import Exact


def run(context: RunContext) -> TaskResult:
    """Of 2 T + 1 parts, the first for the start and one for every half round:
    ``split_ratio_largest`` and ``split_ratio_mean`` (geometric) of successive distances;
    ``split_error`` and ``reused_error``, the last; ``spiky_*``, of a matrix with one row of large
    leverage, with and without clipping; ``short``, rows and columns with fewer entries than the
    rank."""
    task, seed = context.config.task, context.config.seed
    where = device(context.config.trainer)
    rng = np.random.default_rng(seed)
    problem = draw(task.size, task.rank, task.share, rng).to(where)
    first, *_ = parts(problem.observed, task.rounds, seed)
    start = spectral_start(first, task.rank, math.inf)
    split = alternate(
        problem.observed, start, task.rounds, Exact(), split=True, seed=seed, truth=problem.truth
    )
    far = [
        distance(half.basis, problem.left if half.side == "left" else problem.right)
        for half in split.half_steps
    ]
    ratios = [b / a for a, b in pairwise(far)]
    whole = spectral_start(problem.observed, task.rank, math.inf)
    reused = alternate(problem.observed, whole, task.long_rounds, Exact(), truth=problem.truth)
    context.stop.raise_if_set()
    metrics = {
        "split_ratio_largest": max(ratios),
        "split_ratio_mean": float(np.exp(np.mean(np.log(ratios)))),
        "split_error": split.errors[-1],
        "reused_error": reused.errors[-1],
        "short": float(split.short),
    }
    spiky = draw(task.size, task.rank, task.spiky_share, rng, spike=task.spike).to(where)
    for name, mu in (("clipped", None), ("whole", math.inf)):
        begin = spectral_start(spiky.observed, task.rank, mu)
        found = alternate(spiky.observed, begin, task.long_rounds, Exact(), truth=spiky.truth)
        metrics[f"spiky_{name}"] = found.errors[-1]
    return TaskResult(metrics)
