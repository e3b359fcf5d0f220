"""H4, H12: kernel ridge regression on all of the samples, the ridge chosen on the test set."""

from __future__ import annotations

from common.experiment.context import RunContext, TaskResult
from papers.hierarchical_polynomials.closed_forms import applies, kernel_floor
from papers.hierarchical_polynomials.kernels import KERNELS, errors
from papers.hierarchical_polynomials.tasks.settings import problem


def run(context: RunContext) -> TaskResult:
    """For each n ``mse_n*``, the least over the ridges, and ``ridge_n*``; of features of degree 2
    and g = z + he_2(z) ``over_floor_n*``, over what a learner of degree 3 leaves."""
    task = context.config.task
    target = problem(context)
    test = target.test(task.test)
    metrics: dict[str, float] = {}
    for samples in task.samples:
        first, second = target.halves(samples)
        found = errors(KERNELS[task.kernel], first + second, test, task.ridges)
        ridge = min(found, key=found.get)
        metrics |= {f"mse_n{samples}": found[ridge], f"ridge_n{samples}": ridge}
        if applies(target.feature, target.link):
            metrics[f"over_floor_n{samples}"] = found[ridge] / kernel_floor(target.feature)
        context.stop.raise_if_set()
    return TaskResult(metrics | {"mse": metrics[f"mse_n{task.samples[-1]}"]})
