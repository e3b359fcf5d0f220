"""H4, H12: kernel ridge regression on all of the samples, the ridge chosen on the test set."""

from __future__ import annotations

import torch

from common.experiment.context import RunContext, TaskResult
from papers.hierarchical_polynomials.kernels import KERNELS, errors
from papers.hierarchical_polynomials.models import Samples
from papers.hierarchical_polynomials.targets import kernel_floor
from papers.hierarchical_polynomials.tasks.settings import problem


def run(context: RunContext) -> TaskResult:
    """For each n ``mse_n*``, the least over the ridges, ``ridge_n*``, and ``over_floor_n*``, over
    what a learner of degree 3 leaves of a balanced feature."""
    task = context.config.task
    target = problem(context)
    test = target.test(task.test)
    metrics: dict[str, float] = {}
    for samples in task.samples:
        first, second = target.halves(samples)
        seen = Samples(torch.cat([first.x, second.x]), torch.cat([first.y, second.y]))
        found = errors(KERNELS[task.kernel], seen, test, task.ridges)
        ridge = min(found, key=found.get)
        metrics |= {
            f"mse_n{samples}": found[ridge],
            f"ridge_n{samples}": ridge,
            f"over_floor_n{samples}": found[ridge] / kernel_floor(task.size),
        }
        context.stop.raise_if_set()
    return TaskResult(metrics | {"mse": metrics[f"mse_n{task.samples[-1]}"]})
