"""C15: four times the rows, half the distortion."""

from __future__ import annotations

import numpy as np

from common.experiment.context import RunContext, TaskResult
from common.sketching.rows import drawn
from papers.sensitivity_sampling.distortion import Original
from papers.sensitivity_sampling.families import gaussian
from papers.sensitivity_sampling.models import Scores


def run(context: RunContext) -> TaskResult:
    """By p: ``ratio_p*`` of median distortions at the fewer over the more rows, geometric mean of
    the matrices; ``ratio_p*_matrix*``, of each; ``distortion_p*_m*``, medians of the first."""
    task = context.config.task
    metrics: dict[str, float] = {}
    for p in task.powers:
        ratios = []
        for number in range(task.matrices):
            rng = np.random.default_rng([context.config.seed, number])
            matrix = gaussian(task.rows, task.columns, rng)
            scores, original = Scores.of(matrix, p).by("sensitivity"), Original.of(matrix, p)
            medians = []
            for m in task.expected:
                samples = (drawn(scores, m, rng).spread(task.rows) for _ in range(task.coins))
                medians.append(float(np.median([original.distortion(b).value for b in samples])))
                context.stop.raise_if_set()
                if number == 0:
                    metrics[f"distortion_p{p:g}_m{m:g}"] = medians[-1]
            ratios.append(medians[0] / medians[-1])
            metrics[f"ratio_p{p:g}_matrix{number}"] = ratios[-1]
        metrics[f"ratio_p{p:g}"] = float(np.exp(np.mean(np.log(ratios))))
    return TaskResult(metrics)
