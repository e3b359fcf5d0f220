"""C5: l2 distances through l1 ones."""

from __future__ import annotations

import math

import numpy as np
import torch

from common.experiment.context import RunContext, TaskResult
from common.sketching.sketches import gaussian
from papers.private_similarity.euclidean import DISTORTION, EuclideanSums, images
from papers.private_similarity.mechanisms import Laplace
from papers.private_similarity.problems import ball
from papers.private_similarity.simulation import NoNoise, Simulation


def run(context: RunContext) -> TaskResult:
    """``distortion_k*``, deviation of a relative distance over 0.7555 / sqrt(k); ``additive_d*`` of
    the noise, ``additive_ratio`` of the last dimension to the first; ``error_d*``, of sums without
    noise, relative, mean."""
    task, seed = context.config.task, context.config.seed
    rng = np.random.default_rng(seed)
    metrics = {}
    for k in task.projected:
        v = torch.from_numpy(rng.standard_normal((1, task.dimensions[0])))
        v /= v.norm()
        lengths = [
            float(images(v, gaussian(k, v.shape[1], rng)).abs().sum()) for _ in range(task.draws)
        ]
        metrics[f"distortion_k{k}"] = float(np.std(lengths)) * math.sqrt(k) / DISTORTION
        context.stop.raise_if_set()
    for d in task.dimensions:
        metrics |= additive(context, d)
    first, last = task.dimensions[0], task.dimensions[-1]
    metrics["additive_ratio"] = metrics[f"additive_d{last}"] / metrics[f"additive_d{first}"]
    return TaskResult(metrics)


def additive(context: RunContext, d: int) -> dict[str, float]:
    """Points and queries of a ball of radius 1; the projection is drawn anew a few times."""
    task, seed = context.config.task, context.config.seed
    rng = np.random.default_rng([seed, d])
    x, y = ball(task.points, d, rng), ball(task.queries, d, rng)
    exact = torch.cdist(y, x).sum(1)
    variances, errors = [], []
    for i in range(task.projections):
        settings = {
            "projected": task.fixed,
            "radius": 1.0,
            "height": task.height,
            "seed": 1000 * seed + i,
        }
        still = EuclideanSums.release(x, NoNoise(), **settings)
        errors.append(float(((still.query(y, task.alpha) - exact).abs() / exact).mean()))
        mechanism = Laplace(1.0, Simulation([seed, d, i]))
        answers = []
        for _ in range(task.releases):
            released = EuclideanSums.release(x, mechanism, **settings)
            answers.append(released.query(y, task.alpha))
            context.stop.raise_if_set()
        variances.append(float(torch.stack(answers).var(0, correction=0).mean()))
    return {
        f"additive_d{d}": math.sqrt(float(np.mean(variances))),
        f"error_d{d}": float(np.mean(errors)),
    }
