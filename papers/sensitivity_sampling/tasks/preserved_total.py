"""C17: a sample's own S is what the sampled sensitivities say."""

from __future__ import annotations

import numpy as np

from common.experiment.context import RunContext, TaskResult
from common.sketching.rows import drawn
from papers.sensitivity_sampling.distortion import Original
from papers.sensitivity_sampling.families import draw
from papers.sensitivity_sampling.models import Scores
from papers.sensitivity_sampling.sensitivities import sensitivities


def run(context: RunContext) -> TaskResult:
    """By family and p: ``low_*``, sum of s_i / q_i of the kept rows over (1 + eps) S(S A), and
    ``high_*``, (1 - eps) S(S A) over the same sum: at most 1 both; ``eps_*``; ``total_*``, S(S A)
    over S(A)."""
    task, seed = context.config.task, context.config.seed
    metrics: dict[str, float] = {}
    for family in task.families:
        for p in task.powers:
            rng = np.random.default_rng(seed)
            matrix = draw(family, task.rows, task.columns, rng)
            s = Scores.of(matrix, p).by("sensitivity")
            sample = drawn(s, task.expected, rng)
            eps = Original.of(matrix, p).distortion(sample.spread(len(matrix))).value
            total = sensitivities(sample.rows(matrix, p), p).total[1]
            weighted = float(s[sample.index] @ sample.weights)
            name = f"{family}_p{p:g}"
            metrics |= {
                f"low_{name}": weighted / ((1 + eps) * total),
                f"high_{name}": (1 - eps) * total / weighted,
                f"eps_{name}": eps,
                f"total_{name}": total / float(s.sum()),
            }
            context.stop.raise_if_set()
    return TaskResult(metrics)
