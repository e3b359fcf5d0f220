"""C13: root leverage scores anew in every round end at d alpha^{-2/p} rows; above p = 2, of a
later paper, at d^{p/2} / alpha."""

from __future__ import annotations

from itertools import islice

import numpy as np

from common.experiment.context import RunContext, TaskResult
from papers.sensitivity_sampling import laws
from papers.sensitivity_sampling.distortion import Original
from papers.sensitivity_sampling.families import draw
from papers.sensitivity_sampling.recursive import root_leverage


def run(context: RunContext) -> TaskResult:
    """``rows`` after the last round, ``over`` the fixed point, ``distortion``; ``first_rows`` after
    the first round; ``filled``, the largest sum of tau^{p/2}, above p = 2 of capped ones, over its
    bound."""
    task, seed = context.config.task, context.config.seed
    rng = np.random.default_rng(seed)
    matrix = draw(task.family, task.rows, task.columns, rng)
    sizes, filled = [], []
    for sample, part in islice(root_leverage(matrix, task.p, task.alpha, rng), task.rounds):
        sizes.append(len(sample.index))
        filled.append(part)
        context.stop.raise_if_set()
    found = Original.of(matrix, task.p).distortion(sample.spread(task.rows))
    point = laws.root_leverage_fixed_point(task.columns, task.alpha, task.p)
    return TaskResult(
        {
            "rows": float(sizes[-1]),
            "over": sizes[-1] / point,
            "first_rows": float(sizes[0]),
            "filled": max(filled),
            "distortion": found.value,
        },
        curves={"rows": [float(size) for size in sizes]},
    )
