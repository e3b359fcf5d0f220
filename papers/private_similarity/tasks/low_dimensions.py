"""Beside C9: in few dimensions, random features against the fast Gauss transform under the same
noise."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from common.experiment.context import RunContext, TaskResult
from papers.private_similarity.fast_gauss import FastGaussSums
from papers.private_similarity.kernels import FeatureMap, KernelSums, exact_average
from papers.private_similarity.mechanisms import Gaussian, Laplace, NoiseMechanism
from papers.private_similarity.simulation import NoNoise, Simulation


def run(context: RunContext) -> TaskResult:
    """Of uniform points in a box and bandwidth 1, root mean square errors over queries and
    releases, by d: ``fast_gauss_d*``, ``features_d*``, the least over numbers of features;
    ``*_zcdp_d*`` with Gaussian noise; ``fast_gauss_without_d*``, no noise."""
    task, seed = context.config.task, context.config.seed
    metrics: dict[str, float] = {}
    for d in task.dimensions:
        rng = np.random.default_rng([seed, d])
        x, y = (
            torch.from_numpy(rng.uniform(-task.half, task.half, (n, d)))
            for n in (task.points, task.queries)
        )
        exact = exact_average(x, y, "gaussian")
        noises: dict[str, NoiseMechanism] = {
            "": Laplace(task.epsilon, Simulation([seed, d])),
            "zcdp_": Gaussian(task.rho, Simulation([seed, d, 1])),
        }
        metrics[f"fast_gauss_without_d{d}"] = error(context, x, y, exact, NoNoise(), 1)
        for name, noise in noises.items():
            metrics[f"fast_gauss_{name}d{d}"] = error(context, x, y, exact, noise, task.releases)
            metrics[f"features_{name}d{d}"] = min(
                features_error(context, x, y, exact, noise, count) for count in task.features
            )
            context.stop.raise_if_set()
    return TaskResult(metrics)


def error(
    context: RunContext,
    x: Float[Tensor, "n d"],
    y: Float[Tensor, "q d"],
    exact: Float[Tensor, " q"],
    noise: NoiseMechanism,
    releases: int,
) -> float:
    """Of the fast Gauss transform."""
    task = context.config.task
    box = {"low": -task.half, "high": task.half, "side": task.side, "order": task.order}
    found = [FastGaussSums.release(x, noise, **box).query(y) for _ in range(releases)]
    return float((torch.stack(found) - exact).square().mean().sqrt())


def features_error(
    context: RunContext,
    x: Float[Tensor, "n d"],
    y: Float[Tensor, "q d"],
    exact: Float[Tensor, " q"],
    noise: NoiseMechanism,
    count: int,
) -> float:
    """Of so many pairs of features, drawn anew for every release."""
    seed = context.config.seed
    found = [
        KernelSums.release(x, noise, FeatureMap.draw(x.shape[1], count, seed=[seed, i])).query(y)
        for i in range(context.config.task.releases)
    ]
    return float((torch.stack(found) - exact).square().mean().sqrt())
