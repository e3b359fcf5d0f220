"""C8: one step that makes the imbalance makes the rate free of alpha; C9: its best beta; C14: the
preconditioned peer."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

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
    """See each function; and ``moved``, what the step changes F G^T by, and ``kept``, the least of
    ``rebalance``: 1 where no singular value was raised."""
    checked = {"moved": 0.0, "kept": 1.0}
    metrics = free_of_alpha(context, checked)
    context.stop.raise_if_set()
    metrics |= best_beta(context, checked)
    context.stop.raise_if_set()
    return TaskResult(metrics | preconditioned(context) | checked)


def free_of_alpha(context: RunContext, checked: dict[str, float]) -> dict[str, float]:
    """``gap_b*_a*``: of the measured ratio of errors to (1 - eta beta^2)^2, by beta and alpha, and
    ``steps_b*_a*`` to 1e-20, those before included."""
    task, found = context.config.task, {}
    before, after = _descents(
        context, task.spectrum, task.width, task.alphas, task.betas, task.before, checked
    )
    for b, beta in enumerate(task.betas):
        wanted = ratio(rebalanced_rate(beta, min(task.spectrum)), task.eta)
        for a, alpha in enumerate(task.alphas):
            errors = after[:, b, a]
            measured = np.exp(geometric(errors, 1e-10, 1e-22).slope)
            whole = np.concatenate([before[:, a], errors[1:]])
            found[f"gap_b{beta:g}_a{alpha:g}"] = abs(measured - wanted)
            found[f"steps_b{beta:g}_a{alpha:g}"] = first_below(whole, 1e-20)
    return found


def best_beta(context: RunContext, checked: dict[str, float]) -> dict[str, float]:
    """On two unequal values, by 100 beta^2: the ``best_ratio_*`` of errors, and its ``best_gap_*``
    to R4."""
    task, found = context.config.task, {}
    betas = [square**0.5 for square in task.beta_squares]
    width = len(task.unequal) + 1
    _, after = _descents(
        context, task.unequal, width, [task.unequal_alpha], betas, task.unequal_before, checked
    )
    for b, (square, beta) in enumerate(zip(task.beta_squares, betas, strict=True)):
        wanted = ratio(rebalanced_rate(beta, min(task.unequal)), task.eta)
        measured = np.exp(geometric(after[:, b, 0], 1e-12, 1e-24).slope)
        found[f"best_ratio_{100 * square:g}"] = measured
        found[f"best_gap_{100 * square:g}"] = abs(measured - wanted)
    return found


def preconditioned(context: RunContext) -> dict[str, float]:
    """``preconditioned_steps``: of the peer, to 1e-20."""
    task, where = context.config.task, device(context.config.trainer)
    x, _ = Start(task.size, task.size, task.width).draw([context.config.seed], [task.unequal_alpha])
    truth, population = diagonal(task.spectrum, task.size), Population((task.size, task.size))
    peer = Preconditioned(x.to(where))
    errors = descend(peer, truth.to(where), population, task.eta, task.steps, halt=1e-24)
    return {"preconditioned_steps": first_below(errors[:, 0], 1e-20)}


def _descents(
    context: RunContext,
    values: list[float],
    width: int,
    alphas: list[float],
    betas: list[float],
    before: int,
    checked: dict[str, float],
) -> tuple[Float[np.ndarray, "before a"], Float[np.ndarray, "after b a"]]:
    """Squared errors before the step, one batch of all alphas, and after it, one of all betas at
    each; ``checked`` is kept up to date."""
    task, where = context.config.task, device(context.config.trainer)
    size = task.size
    truth, population = diagonal(values, size).to(where), Population((size, size))
    start = Start(size, size, width).draw([context.config.seed], alphas)
    factors = Asymmetric(*(part.to(where) for part in start))
    first = descend(factors, truth, population, task.eta, before)
    context.stop.raise_if_set()
    product = factors.product()
    rescaled = [factors.copy() for _ in betas]
    for beta, runs in zip(betas, rescaled, strict=True):
        checked["kept"] = min(checked["kept"], float(rebalance(runs, beta).min()))
        moved = float((runs.product() - product).abs().max())
        checked["moved"] = max(checked["moved"], moved)
    together = Asymmetric.together(rescaled)
    after = descend(together, truth, population, task.eta, task.steps, halt=1e-27)
    return first, after.reshape(len(after), len(betas), len(alphas))
