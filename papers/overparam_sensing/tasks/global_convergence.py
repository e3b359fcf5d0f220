"""C11: random starts never stick."""

from __future__ import annotations

import numpy as np

from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from common.recovery.ground_truth import diagonal
from common.recovery.sensing import Population
from papers.overparam_sensing.models import Asymmetric, Start, descend


def run(context: RunContext) -> TaskResult:
    """Of many starts in one batch, k = r and k > r: ``worst_*`` squared error at the end, and
    ``rises_*``, starts whose error rises after ``monotone_from`` while above ``monotone_above``."""
    task, seed = context.config.task, context.config.seed
    if task.monotone_from >= task.steps:
        raise InvalidInputError(
            f"task.monotone_from={task.monotone_from}; allowed: below task.steps={task.steps}."
        )
    where = device(context.config.trainer)
    truth = diagonal(task.spectrum, task.size).to(where)
    seeds = list(range(seed * task.starts, (seed + 1) * task.starts))
    metrics: dict[str, float] = {"starts": float(task.starts)}
    for name, width, alpha in (
        ("exact", len(task.spectrum), task.small),
        ("over", task.width, task.large),
    ):
        f, g = Start(task.size, task.size, width).draw(seeds, [alpha])
        errors = descend(
            Asymmetric(f.to(where), g.to(where)),
            truth,
            Population((task.size, task.size)),
            task.eta,
            task.steps,
        )
        context.stop.raise_if_set()
        late = errors[task.monotone_from :]
        rises = (np.diff(late, axis=0) > 0) & (late[:-1] > task.monotone_above)
        metrics[f"worst_{name}"] = float(errors[-1].max())
        metrics[f"rises_{name}"] = float(rises.any(0).sum())
    return TaskResult(metrics)
