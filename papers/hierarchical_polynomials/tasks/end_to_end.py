"""Ordinary networks under Adam, and random features alone, on the same samples."""

from __future__ import annotations

import torch

from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from papers.hierarchical_polynomials.kernels import relative_error
from papers.hierarchical_polynomials.models import ThreeLayerNet, moments_of, stage_one
from papers.hierarchical_polynomials.peers import adam, three_layer, two_layer
from papers.hierarchical_polynomials.tasks.settings import problem


def run(context: RunContext) -> TaskResult:
    """``mse_two_layer``, ``mse_three_layer``, end to end, early-stopped and with the rate that does
    best on D2; ``mse_relu_features``, ridge regression on random ReLU features; ``rate_*`` and
    ``ridge_relu_features``, chosen."""
    task, seed = context.config.task, context.config.seed
    where = device(context.config.trainer)
    target = problem(context)
    (first, second), test = target.halves(task.samples), target.test(task.test)
    metrics: dict[str, float] = {}
    for name, make, width in (
        ("two_layer", two_layer, task.two_layer_width),
        ("three_layer", three_layer, task.three_layer_width),
    ):
        tried = {}
        for rate in task.rates:
            generator = torch.Generator().manual_seed(seed)
            net, error = adam(
                make(task.size, width, generator).to(where),
                first,
                second,
                rate=rate,
                batch=task.batch,
                epochs=task.epochs,
                patience=task.patience,
                generator=generator,
            )
            tried[rate] = (error, net)
            context.stop.raise_if_set()
        rate = min(tried, key=lambda rate: tried[rate][0])
        with torch.no_grad():
            said = tried[rate][1](test.x).to(test.y)
        metrics |= {f"mse_{name}": relative_error(said, test.y), f"rate_{name}": rate}
    generator = torch.Generator().manual_seed(seed)
    relu = ThreeLayerNet(task.size, task.width, 1, "relu", generator).to(where)
    ridge = stage_one(relu, moments_of(relu, first), task.ridges, second)
    with torch.no_grad():
        metrics["mse_relu_features"] = relative_error(relu.learnt(test.x), test.y)
    return TaskResult(metrics | {"ridge_relu_features": ridge})
