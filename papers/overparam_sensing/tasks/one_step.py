"""C8: one step that makes the imbalance makes the rate free of alpha; C9: its best beta; C14: the
preconditioned peer."""

from __future__ import annotations

import numpy as np

from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from common.recovery.ground_truth import diagonal
from common.recovery.rates import first_below, geometric
from common.recovery.sensing import Population
from papers.overparam_sensing.laws import ratio, rebalanced_rate
from papers.overparam_sensing.models import (
    Asymmetric,
    Preconditioned,
    Start,
    descend,
    rebalance,
)


def run(context: RunContext) -> TaskResult:
    """``gap_b*_a*``: of the measured ratio of errors to (1 - eta beta^2)^2, by beta and alpha, and
    ``steps_b*_a*`` to 1e-20, those before included; ``moved``: what the step changes F G^T by,
    ``raised``: 1 where no part of F was raised. ``best_gap_*``: to R4 on two unequal values, by 100
    beta^2. ``preconditioned_steps`` to 1e-20."""
    task, seed = context.config.task, context.config.seed
    where = device(context.config.trainer)
    size = task.size
    population = Population((size, size))
    metrics: dict[str, float] = {"moved": 0.0, "raised": 1.0}

    def fitted(values: list[float], width: int, alpha: float, beta: float, before: int, window):
        """The ratio of errors after the step, and all errors."""
        truth = diagonal(values, size).to(where)
        factors = Asymmetric(*(p.to(where) for p in Start(size, size, width).draw([seed], [alpha])))
        first = descend(factors, truth, population, task.eta, before)[:, 0]
        product = factors.product()
        metrics["raised"] = min(metrics["raised"], float(rebalance(factors, beta)[0]))
        metrics["moved"] = max(metrics["moved"], float((factors.product() - product).abs().max()))
        after = descend(factors, truth, population, task.eta, task.steps, halt=1e-27)[:, 0]
        context.stop.raise_if_set()
        return np.exp(geometric(after, *window).slope), np.concatenate([first, after[1:]])

    for beta in task.betas:
        wanted = ratio(rebalanced_rate(beta, min(task.spectrum)), task.eta)
        for alpha in task.alphas:
            window = (1e-10, 1e-22)
            found, errors = fitted(task.spectrum, task.width, alpha, beta, task.before, window)
            name = f"b{beta:g}_a{alpha:g}"
            metrics[f"gap_{name}"] = abs(found - wanted)
            metrics[f"steps_{name}"] = first_below(errors, 1e-20)
    for square in task.beta_squares:
        beta = square**0.5
        wanted = ratio(rebalanced_rate(beta, min(task.unequal)), task.eta)
        width = len(task.unequal) + 1
        found, _ = fitted(
            task.unequal, width, task.unequal_alpha, beta, task.unequal_before, (1e-12, 1e-24)
        )
        metrics[f"best_ratio_{100 * square:g}"] = found
        metrics[f"best_gap_{100 * square:g}"] = abs(found - wanted)
    x, _ = Start(size, size, task.width).draw([seed], [task.unequal_alpha])
    truth = diagonal(task.spectrum, size).to(where)
    errors = descend(
        Preconditioned(x.to(where)), truth, population, task.eta, task.steps, halt=1e-24
    )
    metrics["preconditioned_steps"] = first_below(errors[:, 0], 1e-20)
    return TaskResult(metrics)
