"""H2: how many samples stage one takes, by the dimension."""

from __future__ import annotations

import math

import numpy as np

from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult
from common.recovery.rates import line
from papers.hierarchical_polynomials.closed_forms import applies, correlation_limit
from papers.hierarchical_polynomials.problems import Problem, correlation
from papers.hierarchical_polynomials.tasks.settings import network, problem
from papers.hierarchical_polynomials.training import moments_of, stage_one


def run(context: RunContext) -> TaskResult:
    """``samples_d*``, n at which the median correlation of some problems is a share of its limit,
    interpolated in ln n; ``exponent``, of a line of ln n through ln d; ``corr_d*_n*``, medians."""
    task = context.config.task
    target = problem(context, size=task.sizes[0])
    if not applies(target.feature, target.link):
        raise InvalidInputError(
            f"task.degree={task.degree}, task.feature={task.feature}, task.link={list(task.link)}; "
            f"the limit of the correlation is known at degree 2 without products, link [0, 1, 1]."
        )
    metrics: dict[str, float] = {}
    for size, width, multiples in zip(task.sizes, task.widths, task.multiples, strict=True):
        counts = [int(multiple * size**task.degree) for multiple in multiples]
        found = np.array(
            [correlations(context, size, width, counts, i) for i in range(task.problems)]
        )
        medians = np.median(found, 0)
        limit = correlation_limit(problem(context, size=size).feature)
        metrics |= {f"corr_d{size}_n{n}": c for n, c in zip(counts, medians, strict=True)}
        metrics[f"samples_d{size}"] = crossing(counts, medians, task.share * limit)
    wanted = [metrics[f"samples_d{size}"] for size in task.sizes]
    fitted = line(np.log(task.sizes), np.log(wanted))
    return TaskResult(metrics | {"exponent": fitted.slope})


def correlations(
    context: RunContext, size: int, width: int, counts: list[int], number: int
) -> list[float]:
    """corr(g_u, p) of one problem, by n."""
    task = context.config.task
    seed = context.config.seed * task.problems + number
    target: Problem = problem(context, seed, size)
    test = target.test(task.test)
    p, found = target.feature(test.x), []
    for samples in counts:
        first, second = target.halves(samples)
        net = network(context, seed, size=size, width=width)
        stage_one(net, moments_of(net, first), task.ridges, second)
        found.append(correlation(net.learnt(test.x).detach(), p))
        context.stop.raise_if_set()
    return found


def crossing(counts: list[int], values: np.ndarray, bound: float) -> float:
    """n at which values that rise first reach a bound, on straight lines in ln n.

    Raises:
        InvalidInputError: they are there already at the least n, or do not come there: nothing is
            carried on beyond what was measured.
    """
    reached = np.flatnonzero(np.asarray(values) >= bound)
    if len(reached) and values[0] == bound:
        return float(counts[0])
    if not len(reached) or not reached[0]:
        where = "no n is enough" if not len(reached) else "the least n is enough"
        raise InvalidInputError(
            f"{bound:.4g} lies outside of what was measured, {values[0]:.4g} to {values[-1]:.4g} "
            f"at n = {counts[0]} to {counts[-1]}: {where}. Widen the numbers of samples."
        )
    place = int(reached[0])
    low, high = values[place - 1], values[place]
    along = (bound - low) / (high - low)
    return counts[place - 1] * math.exp(along * math.log(counts[place] / counts[place - 1]))
