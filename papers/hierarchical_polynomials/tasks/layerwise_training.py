"""H1, H3, H5, H8, H10, H12 and ablations: both stages, by the number of samples."""

from __future__ import annotations

import torch

from common.experiment.context import RunContext, TaskResult
from papers.hierarchical_polynomials.kernels import relative_error
from papers.hierarchical_polynomials.models import Samples, train
from papers.hierarchical_polynomials.problems import correlation
from papers.hierarchical_polynomials.targets import correlation_limit
from papers.hierarchical_polynomials.tasks.settings import network, problem


def run(context: RunContext) -> TaskResult:
    """For each n, of both halves: ``corr_n*`` of g_u with p, ``mse_n*`` of the whole network over
    Var h, ``slope_n*`` of g_u on p, ``stage_one_mse_n*`` of g_u alone, and the ridges chosen;
    ``corr`` and ``mse`` of the largest n; ``over_limit``, the largest corr over that of a balanced
    feature's limit."""
    task = context.config.task
    target = problem(context)
    test = target.test(task.test)
    metrics: dict[str, float] = {}
    for samples in task.samples:
        first, second = target.halves(samples)
        if not task.split:
            first = second = Samples(torch.cat([first.x, second.x]), torch.cat([first.y, second.y]))
        net = network(context, skip=task.skip, shift=task.shift)
        chosen = train(net, first, second, task.ridges)
        with torch.no_grad():
            learnt, said = net.learnt(test.x), net(test.x)
        p = target.feature(test.x)
        corr = correlation(learnt, p)
        found = {
            "corr": corr,
            "abs_corr": abs(corr),
            "mse": relative_error(said, test.y),
            "slope": corr * float(learnt.std() / p.std()),
            "stage_one_mse": relative_error(learnt, test.y),
            "ridge": chosen.ridge,
            "last_ridge": chosen.last_ridge,
        }
        metrics |= {f"{name}_n{samples}": value for name, value in found.items()}
        context.stop.raise_if_set()
    largest = max(metrics[f"corr_n{samples}"] for samples in task.samples)
    last = task.samples[-1]
    return TaskResult(
        metrics
        | {
            "corr": metrics[f"corr_n{last}"],
            "mse": metrics[f"mse_n{last}"],
            "over_limit": largest - correlation_limit(task.size),
        }
    )
