"""C3: r' = r; C4: r' above r, blindly; C13: small and large starts; C14: random ones."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from common.recovery.rates import first_below, power
from papers.subgm.models import batch, follow, random_start, spectral_start
from papers.subgm.problem import Noise, Problem, draw
from papers.subgm.steps import Proportional


def run(context: RunContext) -> TaskResult:
    """``exact_last`` (C3); ``error_*``, ``spread_*``, ``gain_*`` and ``random_spread`` (C4, C14);
    ``small_steps``, ``large_slope``, ``large_over_small`` (C13)."""
    task = context.config.task
    few = problem(context, task.measurements)
    metrics = exact(context, few) | blind(context, few)
    return TaskResult(metrics | starts(context, problem(context, task.many)))


def problem(context: RunContext, measurements: int) -> Problem:
    """Without noise."""
    task, rng = context.config.task, np.random.default_rng(context.config.seed)
    drawn = draw(task.size, [1.0] * task.rank, measurements, Noise(), rng)
    return drawn.to(device(context.config.trainer))


def exact(context: RunContext, given: Problem) -> dict[str, float]:
    """The error with r' = r, to rounding."""
    task = context.config.task
    start = spectral_start(given.y, given.sensing, task.rank, task.exact_alpha)[None]
    rule = Proportional(task.eta0)
    found = follow(start, given.y, given.sensing, rule, task.exact_steps, given.truth)
    context.stop.raise_if_set()
    return {"exact_last": found.last[0], "exact_best": found.best[0]}


def blind(context: RunContext, given: Problem) -> dict[str, float]:
    """Errors by r' and alpha; their ``spread`` over r', the largest over the smallest; ``gain`` of
    each smaller alpha at the least r'; the spread of random starts, and of those that are as long
    as the spectral start of the least alpha (``same_norm_spread``); ``start_rank``, the columns of
    the widest spectral start that are not zero. And, of the middle alpha and the widest start, the
    best iterate and the last relative to the truth."""
    task, rng = context.config.task, np.random.default_rng([context.config.seed, 1])
    grid = [(width, alpha) for alpha in task.alphas for width in task.widths]
    spectral = [spectral_start(given.y, given.sensing, *cell) for cell in grid]
    random = [
        random_start(task.size, width, task.random_alpha, rng).to(given.truth)
        for width in task.widths
    ]
    like = spectral[-len(task.widths) :]
    same = [far * (near.norm() / far.norm()) for far, near in zip(random, like, strict=True)]
    rule = Proportional(task.eta0)
    start = batch([*spectral, *random, *same])
    followed = follow(start, given.y, given.sensing, rule, task.steps, given.truth)
    last = followed.last
    context.stop.raise_if_set()
    errors = {f"k{k}_a{alpha:g}": last[i] for i, (k, alpha) in enumerate(grid)}
    found = {f"error_{name}": error for name, error in errors.items()}
    for alpha in task.alphas:
        over = [errors[f"k{k}_a{alpha:g}"] for k in task.widths]
        found[f"spread_a{alpha:g}"] = max(over) / min(over)
    least = task.widths[0]
    for large, small in pairwise(task.alphas):
        gain = errors[f"k{least}_a{large:g}"] / errors[f"k{least}_a{small:g}"]
        found[f"gain_a{large:g}_to_{small:g}"] = gain
    drawn, as_long = last[len(grid) :].reshape(2, -1)
    middle = grid.index((task.widths[-1], task.alphas[len(task.alphas) // 2]))
    widest = spectral[len(task.widths) - 1]
    return found | {
        "random_spread": drawn.max() / drawn.min(),
        "same_norm_spread": as_long.max() / as_long.min(),
        "widest_best": followed.best[middle],
        "widest_relative": last[middle] / float(given.truth.norm()),
        "start_rank": float((widest.norm(dim=0) > 0).sum()),
    }


def starts(context: RunContext, given: Problem) -> dict[str, float]:
    """r' = d: steps of the small spectral start to a bound; slope of ln error over ln T of the
    large random one, its last error, and that over the small one's."""
    task, rng = context.config.task, np.random.default_rng([context.config.seed, 2])
    small = spectral_start(given.y, given.sensing, task.size, task.small_alpha)
    large = random_start(task.size, task.size, task.large_alpha, rng).to(small)
    steps = max(task.large_at)
    rule = Proportional(task.eta0)
    found = follow(batch([small, large]), given.y, given.sensing, rule, steps, given.truth)
    return {
        "small_steps": first_below(found.errors[:, 0], task.small_bound),
        "large_slope": power(found.errors[:, 1], task.large_at).slope,
        "large_last": found.last[1],
        "large_over_small": found.last[1] / found.last[0],
    }
