"""C13: an attack on the tree, and on one with half its noise, which it has to catch; C14: answers
that repeat."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float

from common.experiment.context import RunContext, TaskResult
from papers.private_similarity.audit import epsilon_bound, privacy_loss
from papers.private_similarity.euclidean import EuclideanSums
from papers.private_similarity.kernels import FeatureMap, KernelSums
from papers.private_similarity.mechanisms import Laplace
from papers.private_similarity.models import DistanceSums
from papers.private_similarity.simulation import Simulation
from papers.private_similarity.smooth import SmoothKernelSums
from papers.private_similarity.squared import SquaredSums
from papers.private_similarity.trees import CountTrees, leaf_of


def run(context: RunContext) -> TaskResult:
    """``bound_e*``, the lower bound on epsilon; ``broken_e*``, that of half the noise;
    ``bound_over_e*`` and ``broken_over_e*``, less epsilon; ``repeats_apart``, the largest
    difference of two answers to one query, and ``drawn_after``, numbers drawn since the release, of
    every structure."""
    task, seed = context.config.task, context.config.seed
    metrics: dict[str, float] = {}
    for i, epsilon in enumerate(task.epsilons):
        sound = bound(context, Laplace(epsilon, Simulation([seed, i])))
        broken = bound(context, Laplace(2 * epsilon, Simulation([seed, i, 1])))
        metrics |= {
            f"bound_e{epsilon:g}": sound,
            f"broken_e{epsilon:g}": broken,
            f"bound_over_e{epsilon:g}": sound - epsilon,
            f"broken_over_e{epsilon:g}": broken - epsilon,
        }
    return TaskResult(metrics | repeated(seed))


def bound(context: RunContext, mechanism: Laplace) -> float:
    """Of the whole release, on data sets that differ by one record."""
    task = context.config.task
    rng = np.random.default_rng([context.config.seed, 5])
    x = torch.from_numpy(rng.random((task.points, 1)))
    record = torch.from_numpy(rng.random((1, 1)))
    leaves = 2**task.height
    without, with_record = (
        CountTrees.of(leaf_of(rows, 0.0, 1.0, leaves).unbind(1), task.height)
        for rows in (x, torch.cat((x, record)))
    )
    leaf = int(leaf_of(record, 0.0, 1.0, leaves))
    base = path(without, leaf)
    scores = []
    for trees in (without, with_record):
        released = []
        for _ in range(task.releases):
            released.append(path(trees.released(mechanism), leaf))
            context.stop.raise_if_set()
        scores.append(privacy_loss(np.array(released), base))
    return epsilon_bound(*scores, task.confidence)


def path(trees: CountTrees, leaf: int) -> Float[np.ndarray, " levels"]:
    """Counts of the nodes above a leaf, and its own."""
    return np.array([float(level[0, leaf >> i]) for i, level in enumerate(trees.levels)])


def repeated(seed: int) -> dict[str, float]:
    """Every structure, asked twice."""
    rng = np.random.default_rng([seed, 6])
    x, y = (torch.from_numpy(rng.random((n, 4))) for n in (50, 20))
    backend = Simulation(seed)
    mechanism = Laplace(1.0, backend)
    tree = DistanceSums.release(x, mechanism, height=6)
    asks = [
        tree.query,
        lambda y: tree.query(y, counts="consistent"),
        EuclideanSums.release(x, mechanism, projected=8, radius=2.0, height=6).query,
        SquaredSums.release(x, mechanism).query,
        KernelSums.release(x, mechanism, FeatureMap.draw(4, 30)).query,
        SmoothKernelSums.release(x, mechanism, features=30).query,
    ]
    drawn = backend.drawn
    apart = max(float((ask(y) - ask(y)).abs().max()) for ask in asks)
    return {"repeats_apart": apart, "drawn_after": float(backend.drawn - drawn)}
