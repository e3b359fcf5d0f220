"""H7: stage one beside the algorithm of 2023, whose feature one gradient step makes."""

from __future__ import annotations

import torch

from common.experiment.context import RunContext, TaskResult
from papers.hierarchical_polynomials.kernels import relative_error
from papers.hierarchical_polynomials.peers import train_one_step
from papers.hierarchical_polynomials.problems import correlation
from papers.hierarchical_polynomials.tasks.settings import network, problem
from papers.hierarchical_polynomials.training import train


def run(context: RunContext) -> TaskResult:
    """At n = ``multiple`` d^k, on the same samples and features: ``corr_stage_one_d*`` and
    ``corr_one_step_d*``, their difference ``corr_gain_d*``, and both networks' relative errors."""
    task = context.config.task
    metrics: dict[str, float] = {}
    for size, width in zip(task.sizes, task.widths, strict=True):
        target = problem(context, size=size)
        first, second = target.halves(int(task.multiple * size**task.degree))
        test = target.test(task.test)
        p = target.feature(test.x)
        for name, skip in (("stage_one", True), ("one_step", False)):
            net = network(context, size=size, width=width, skip=skip)
            if skip:
                train(net, first, second, task.ridges)
            else:
                train_one_step(net, first, second)
            with torch.no_grad():
                metrics[f"corr_{name}_d{size}"] = correlation(net.learnt(test.x), p)
                metrics[f"mse_{name}_d{size}"] = relative_error(net(test.x), test.y)
            context.stop.raise_if_set()
        metrics[f"corr_gain_d{size}"] = (
            metrics[f"corr_stage_one_d{size}"] - metrics[f"corr_one_step_d{size}"]
        )
    least = min(metrics[f"corr_gain_d{size}"] for size in task.sizes)
    return TaskResult(metrics | {"least_gain": least})
