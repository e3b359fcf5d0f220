"""H1, H3, H5, H8, H10, H12 and ablations: both stages, by the number of samples."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from common.experiment.context import RunContext, TaskResult
from papers.hierarchical_polynomials.closed_forms import applies, correlation_limit
from papers.hierarchical_polynomials.kernels import relative_error
from papers.hierarchical_polynomials.models import Samples
from papers.hierarchical_polynomials.problems import correlation
from papers.hierarchical_polynomials.tasks.settings import network, problem
from papers.hierarchical_polynomials.training import Solver, train, train_shared


def run(context: RunContext) -> TaskResult:
    """For each n, of both halves: ``corr_n*`` of g_u with p, ``mse_n*`` of the whole network over
    Var h, ``slope_n*`` of g_u on p, ``stage_one_mse_n*`` of g_u alone, and the ridges chosen; at
    k = 1 ``corr_least_squares_n*``, of least squares on the samples of stage one; ``corr`` and
    ``mse`` of the largest n; of features of degree 2 and g = z + he_2(z) ``over_limit``, the
    largest corr over its limit."""
    task = context.config.task
    target = problem(context)
    test = target.test(task.test)
    p = target.feature(test.x)
    solver = Solver(task.solver, task.steps)
    metrics: dict[str, float] = {}
    for samples in task.samples:
        first, second = target.halves(samples)
        net = network(context, skip=task.skip, shift=task.shift)
        if task.split:
            chosen = train(net, first, second, task.ridges, task.last_ridges, solver)
        else:
            first = first + second
            chosen = train_shared(net, first, task.ridges, task.last_ridges, solver)
        with torch.no_grad():
            learnt, said = net.learnt(test.x), net(test.x)
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
        if task.degree == 1:
            found["corr_least_squares"] = correlation(least_squares(first, test.x), p)
        metrics |= {f"{name}_n{samples}": value for name, value in found.items()}
        context.stop.raise_if_set()
    last = task.samples[-1]
    if applies(target.feature, target.link):
        largest = max(metrics[f"corr_n{samples}"] for samples in task.samples)
        metrics["over_limit"] = largest - correlation_limit(target.feature)
    return TaskResult(metrics | {"corr": metrics[f"corr_n{last}"], "mse": metrics[f"mse_n{last}"]})


def least_squares(seen: Samples, x: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
    """A line through the samples, with no ridge and no features, at x."""
    return x @ torch.linalg.lstsq(seen.x, seen.y[:, None]).solution[:, 0]
