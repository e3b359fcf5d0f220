"""Ordinary networks under Adam, and random features alone, on the same samples."""

from __future__ import annotations

import math

import numpy as np
import torch

from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from common.sketching.random_features import gaussian_features
from papers.hierarchical_polynomials.kernels import Features, feature_errors, relative_error
from papers.hierarchical_polynomials.models import ThreeLayerNet
from papers.hierarchical_polynomials.peers import adam, three_layer, two_layer
from papers.hierarchical_polynomials.tasks.settings import problem


def run(context: RunContext) -> TaskResult:
    """``mse_two_layer``, ``mse_three_layer``, end to end, early-stopped and with the rate that does
    best on D2; ``mse_relu_features`` and ``mse_gaussian_features``, ridge regression on as many
    random features of all n samples, the ridge the test set's best; ``rate_*`` and ``ridge_*``,
    chosen."""
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
    for name, features in random_features(context).items():
        found = feature_errors(features, first + second, test, task.feature_ridges)
        ridge = min(found, key=found.get)
        metrics |= {f"mse_{name}_features": found[ridge], f"ridge_{name}_features": ridge}
        context.stop.raise_if_set()
    return TaskResult(metrics)


def random_features(context: RunContext) -> dict[str, Features]:
    """``width`` of ReLU, of a network's first layer, and of exp(-|x - y|^2 / (4 d)), in pairs."""
    task, seed = context.config.task, context.config.seed
    generator = torch.Generator().manual_seed(seed)
    where = device(context.config.trainer)
    relu = ThreeLayerNet(task.size, task.width, 1, "relu", generator).to(where)
    pairs = gaussian_features(
        max(task.width // 2, 1), task.size, np.random.default_rng([seed, task.width])
    )
    return {
        "relu": relu.features,
        "gaussian": lambda x: pairs.apply(x / (2 * math.sqrt(task.size))),
    }
