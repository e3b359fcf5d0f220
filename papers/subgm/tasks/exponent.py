"""C5: the error of r' > r against the size of the start."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult
from common.recovery.rates import line
from papers.subgm.models import batch, follow, spectral_start
from papers.subgm.steps import Proportional
from papers.subgm.tasks.noiseless import problem


def run(context: RunContext) -> TaskResult:
    """``slope_m*`` of ln error over ln alpha; ``least_rise`` of it from one m to the next."""
    task, slopes = context.config.task, {}
    if len(task.measurements) < 2:
        raise InvalidInputError(
            f"task.measurements={list(task.measurements)}; allowed: two or more, ascending."
        )
    for m in task.measurements:
        given = problem(context, m)
        start = batch(
            [spectral_start(given.y, given.sensing, task.size, alpha) for alpha in task.alphas]
        )
        rule = Proportional(task.eta0)
        last = follow(start, given.y, given.sensing, rule, task.steps, given.truth).last
        slopes[m] = line(np.log(task.alphas), np.log(last)).slope
        context.stop.raise_if_set()
    rises = [later - earlier for earlier, later in pairwise(slopes.values())]
    metrics = {f"slope_m{m}": slope for m, slope in slopes.items()}
    return TaskResult(metrics | {"least_rise": min(rises)})
