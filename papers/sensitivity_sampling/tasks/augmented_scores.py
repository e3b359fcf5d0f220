"""C12: by sensitivities alone a block of little of S is starved; leverage scores feed it."""

from __future__ import annotations

import numpy as np

from common.experiment.context import RunContext, TaskResult
from common.sketching.rows import keep_probabilities, toss
from papers.sensitivity_sampling.families import gaussian_and_identity
from papers.sensitivity_sampling.models import Scores


def run(context: RunContext) -> TaskResult:
    """``full_<scores>``: share of samples that keep as many rows of the normal block as it has
    columns; ``expected_<scores>``, of its rows in the mean; ``total``, S."""
    task, seed = context.config.task, context.config.seed
    rng = np.random.default_rng(seed)
    matrix = gaussian_and_identity(task.rows, task.columns, task.copies, rng)
    scores = Scores.of(matrix, task.p)
    metrics = {"total": scores.sensitivities.total[1]}
    context.stop.raise_if_set()
    for kind in ("sensitivity", "augmented"):
        probabilities = keep_probabilities(scores.by(kind), task.expected)
        kept = [int((toss(probabilities, rng).index < task.rows).sum()) for _ in range(task.coins)]
        metrics[f"full_{kind}"] = float(np.mean(np.array(kept) >= task.columns))
        metrics[f"expected_{kind}"] = float(probabilities[: task.rows].sum())
    return TaskResult(metrics)
