"""H6: how many samples the last layer takes, given p itself."""

from __future__ import annotations

import numpy as np
import torch

from common.experiment.context import RunContext, TaskResult
from papers.hierarchical_polynomials.kernels import relative_error
from papers.hierarchical_polynomials.tasks.sample_complexity import crossing
from papers.hierarchical_polynomials.tasks.settings import network, problem
from papers.hierarchical_polynomials.training import stage_two


def run(context: RunContext) -> TaskResult:
    """``mse_d*_n*``, median over problems; ``samples_d*``, n at which it is the bound, interpolated
    in ln n; ``ratio``, of the largest d to the smallest."""
    task, seed = context.config.task, context.config.seed
    metrics: dict[str, float] = {}
    for size in task.sizes:
        found = np.array(
            [
                errors(context, size, seed * task.problems + number)
                for number in range(task.problems)
            ]
        )
        medians = np.median(found, 0)
        metrics |= {f"mse_d{size}_n{n}": m for n, m in zip(task.samples, medians, strict=True)}
        # Falling errors: their negatives rise to the negative of the bound.
        metrics[f"samples_d{size}"] = crossing(task.samples, -medians, -task.bound)
    first, last = (metrics[f"samples_d{size}"] for size in (task.sizes[0], task.sizes[-1]))
    return TaskResult(metrics | {"ratio": last / first})


@torch.no_grad()
def errors(context: RunContext, size: int, seed: int) -> list[float]:
    """Relative test errors with p in place of g_u, by n."""
    task = context.config.task
    target = problem(context, seed, size)
    (_, second), test = target.halves(2 * max(task.samples)), target.test(task.test)
    seen, tested = target.feature(second.x), target.feature(test.x)
    found = []
    for samples in task.samples:
        # p has mean 0 and variance 1: the affine map stays the identity.
        net = network(context, seed, size=size, width=1)
        stage_two(net, seen[:samples], second.y[:samples])
        found.append(relative_error(tested + net.last_features(tested) @ net.c, test.y))
        context.stop.raise_if_set()
    return found
