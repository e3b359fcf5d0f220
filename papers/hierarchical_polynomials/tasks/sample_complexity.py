"""H2: how many samples stage one takes, by the dimension."""

from __future__ import annotations

import math

import numpy as np

from common.experiment.context import RunContext, TaskResult
from common.recovery.rates import line
from papers.hierarchical_polynomials.models import moments_of, stage_one
from papers.hierarchical_polynomials.problems import Problem, correlation
from papers.hierarchical_polynomials.targets import correlation_limit
from papers.hierarchical_polynomials.tasks.settings import network, problem


def run(context: RunContext) -> TaskResult:
    """``samples_d*``, n at which the median correlation of some problems is a share of its limit,
    interpolated in ln n; ``exponent``, of a line of ln n through ln d; ``corr_d*_n*``, medians."""
    task = context.config.task
    metrics: dict[str, float] = {}
    for size, width, multiples in zip(task.sizes, task.widths, task.multiples, strict=True):
        counts = [int(multiple * size**task.degree) for multiple in multiples]
        found = np.array(
            [correlations(context, size, width, counts, i) for i in range(task.problems)]
        )
        medians = np.median(found, 0)
        limit = correlation_limit(size) if task.feature == "balanced" else 1.0
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
    """n at which rising values reach a bound, on straight lines in ln n; the lines at the ends are
    carried on."""
    place = int(np.clip(np.searchsorted(values, bound), 1, len(values) - 1))
    low, high = values[place - 1], values[place]
    along = (bound - low) / (high - low)
    return counts[place - 1] * math.exp(along * math.log(counts[place] / counts[place - 1]))
