"""C10: all of it from measurements, more than the matrix has entries; C12: from fewer."""

from __future__ import annotations

import numpy as np

from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from common.recovery.ground_truth import positive_semidefinite
from common.recovery.isometry import restricted_isometry
from common.recovery.rates import power
from common.recovery.sensing import gaussian
from papers.overparam_sensing.models import Asymmetric, Start, Symmetric, descend, rebalance


def run(context: RunContext) -> TaskResult:
    """Last squared errors against the truth: ``symmetric_exact`` and ``symmetric`` (k = r, k > r),
    ``asymmetric_a*`` by alpha, ``one_step_a*``; ``symmetric_slope`` of ln e over ln T.
    ``kept``: the least of ``rebalance``, 1 where no singular value was raised. ``injective``: 1
    with more measurements than entries; ``isometry``, what was found of the restricted isometry
    constant at rank 2 r."""
    task, seed = context.config.task, context.config.seed
    where = device(context.config.trainer)
    size, rank = task.size, len(task.spectrum)
    if task.before >= min(task.steps, task.one_step_steps):
        raise InvalidInputError(
            f"task.before={task.before}; allowed: below task.steps={task.steps} and "
            f"task.one_step_steps={task.one_step_steps}."
        )
    rng = np.random.default_rng([seed, 1])
    truth = positive_semidefinite(task.spectrum, size, rng).to(where)
    sensing = gaussian(task.measurements, (size, size), rng).to(where)
    start = Start(size, size, task.width)
    isometry = restricted_isometry(
        sensing, min(2 * rank, size), np.random.default_rng([seed, 2]), starts=4, like=truth
    )
    metrics = {
        "injective": float(task.measurements >= size**2),
        "isometry": isometry.constant,
        "kept": 1.0,
    }

    def end(factors, steps: int) -> np.ndarray:
        found = descend(factors, truth, sensing, task.eta, steps, halt=1e-27)[:, 0]
        context.stop.raise_if_set()
        return found

    x, _ = Start(size, size, rank).draw([seed], [task.small])
    metrics["symmetric_exact"] = end(Symmetric(x.to(where)), task.exact_steps)[-1]
    x, _ = start.draw([seed], [task.small])
    errors = end(Symmetric(x.to(where)), task.steps)
    metrics["symmetric"] = errors[-1]
    spaced = np.unique(np.geomspace(task.steps // 4, task.steps, 9).round().astype(int))
    metrics["symmetric_slope"] = power(errors, spaced.tolist()).slope
    for alpha in (task.large, task.small):
        factors = Asymmetric(*(part.to(where) for part in start.draw([seed], [alpha])))
        errors = end(factors, task.before)
        other = factors.copy()
        metrics[f"asymmetric_a{alpha:g}"] = end(factors, task.steps - task.before)[-1]
        metrics["kept"] = min(metrics["kept"], float(rebalance(other, task.beta)))
        metrics[f"one_step_a{alpha:g}"] = end(other, task.one_step_steps - task.before)[-1]
    return TaskResult(metrics)
