"""What the asymmetric method makes of another start, other widths, worse conditioned matrices, and
a rescaling at another time."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from common.recovery.ground_truth import diagonal
from common.recovery.rates import first_below, geometric
from common.recovery.sensing import Population
from papers.overparam_sensing.laws import exact_rate, imbalanced_rate, ratio
from papers.overparam_sensing.models import Asymmetric, Start, descend, rebalance


def run(context: RunContext) -> TaskResult:
    """See each function."""
    metrics: dict[str, float] = {}
    for ablation in (equal_scales, widths, conditions, times):
        metrics |= ablation(context)
        context.stop.raise_if_set()
    return TaskResult(metrics)


def equal_scales(context: RunContext) -> dict[str, float]:
    """F and G of one scale, so that the imbalance is of either sign: ``equal_scales_last`` error,
    beside ``third_scales_last`` of the paper's ratio from the same draw."""
    task, found = context.config.task, {}
    for name, scale in (("equal", 1.0), ("third", 1 / 3)):
        factors = _start(context, task.width, scale)
        errors = _descend(context, factors, task.spectrum, task.equal_steps)
        found[f"{name}_scales_last"] = float(errors[-1])
    return found


def widths(context: RunContext) -> dict[str, float]:
    """By k above r: ``width_rate_k*``, the fall of ln e a step, its ``width_gap_k*`` to R3,
    relative, and ``width_steps_k*`` to 1e-20."""
    task, found = context.config.task, {}
    rank = len(task.spectrum)
    if min(task.widths) <= rank:
        raise InvalidInputError(
            f"task.widths={list(task.widths)}; allowed: above {rank}, the values of task.spectrum."
        )
    for width in task.widths:
        factors = _start(context, width)
        errors = _descend(context, factors, task.spectrum, task.steps)
        rate = -geometric(errors, 1e-14, 1e-24).slope
        law = -np.log(ratio(float(imbalanced_rate(factors, rank)), task.eta))
        found[f"width_rate_k{width}"] = rate
        found[f"width_gap_k{width}"] = abs(rate / law - 1)
        found[f"width_steps_k{width}"] = first_below(errors, 1e-20)
    return found


def conditions(context: RunContext) -> dict[str, float]:
    """By s_1 / s_r: ``condition_exact_ratio_c*`` of successive errors with k = r, its
    ``condition_exact_gap_c*`` to R2, and steps to 1e-20 with k = r (``condition_exact_steps_c*``),
    with k > r (``condition_over_steps_c*``) and with the step that rescales to the best beta
    (``condition_one_step_steps_c*``), those before it included."""
    task, found = context.config.task, {}
    for values in task.conditions:
        name = f"c{max(values) / min(values):g}"
        exact = _start(context, len(values))
        errors = _descend(context, exact, values, task.steps)
        measured = float(np.exp(geometric(errors, 1e-6, 1e-20).slope))
        law = float(ratio(exact_rate(exact), task.eta))
        over = _start(context, task.condition_width)
        before = _descend(context, over, values, task.condition_before)
        rescaled = over.copy()
        rebalance(rescaled, min(values) ** 0.5)
        found |= {
            f"condition_exact_ratio_{name}": measured,
            f"condition_exact_gap_{name}": abs(measured - law),
            f"condition_exact_steps_{name}": first_below(errors, 1e-20),
        }
        for which, factors in (("over", over), ("one_step", rescaled)):
            after = _descend(context, factors, values, task.steps)
            whole = np.concatenate([before, after[1:]])
            found[f"condition_{which}_steps_{name}"] = first_below(whole, 1e-20)
    return found


def times(context: RunContext) -> dict[str, float]:
    """One run, rescaled to ``beta`` at several steps T0, all of them one batch from there on:
    ``time_steps_t*`` to 1e-20, those before included, ``time_error_t*`` at T0, and
    ``time_kept_t*`` of ``rebalance``. In the saddle, where the error is that of zero yet, the
    rescaling promises nothing."""
    task, found = context.config.task, {}
    moments = list(task.before)
    if sorted(set(moments)) != moments:
        raise InvalidInputError(f"task.before={moments}; allowed: ascending, none twice.")
    factors, befores, rescaled = _start(context, task.width), [np.empty(0)], []
    for last, moment in pairwise([0, *moments]):
        errors = _descend(context, factors, task.spectrum, moment - last, halt=0.0)
        befores.append(np.concatenate([befores[-1][:-1], errors]))
        rescaled.append(factors.copy())
        found[f"time_error_t{moment}"] = float(errors[-1])
        found[f"time_kept_t{moment}"] = float(rebalance(rescaled[-1], task.beta))
    together = Asymmetric.together(rescaled)
    after = _runs(context, together, task.spectrum, task.steps)
    for moment, before, run in zip(moments, befores[1:], after.T, strict=True):
        whole = np.concatenate([before, run[1:]])
        found[f"time_steps_t{moment}"] = first_below(whole, 1e-20)
    return found


def _start(context: RunContext, width: int, scale: float = 1 / 3) -> Asymmetric:
    task, where = context.config.task, device(context.config.trainer)
    start = Start(task.size, task.size, width, scale)
    return Asymmetric(*(p.to(where) for p in start.draw([context.config.seed], [task.alpha])))


def _runs(
    context: RunContext, factors: Asymmetric, values: list[float], steps: int, halt: float = 1e-26
) -> np.ndarray:
    task = context.config.task
    truth = diagonal(values, task.size).to(factors.f)
    population = Population((task.size, task.size))
    return descend(factors, truth, population, task.eta, steps, halt=halt)


def _descend(
    context: RunContext, factors: Asymmetric, values: list[float], steps: int, halt: float = 1e-26
) -> np.ndarray:
    return _runs(context, factors, values, steps, halt)[:, 0]
