"""C11: no l1 mechanism may do better than the lower bound; one that does is not private."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from common.experiment.context import RunContext, TaskResult
from papers.private_similarity.exact import l1_sums
from papers.private_similarity.line_peers import (
    CountAndSumTrees,
    FlatSums,
    GridSums,
    best_parts,
    multiplicative_weights,
)
from papers.private_similarity.mechanisms import Laplace
from papers.private_similarity.models import DistanceSums
from papers.private_similarity.problems import SETS, draw
from papers.private_similarity.simulation import Simulation

Answer = Callable[[Float[Tensor, "n d"], Float[Tensor, "q d"], Laplace], Float[Tensor, " q"]]


def run(context: RunContext) -> TaskResult:
    """``floor_*_d*``: the worst set's and query's root mean square error over releases about the
    exact sum, over R d / epsilon, the least over epsilons; ``floor_least`` of all."""
    task, seed = context.config.task, context.config.seed
    metrics: dict[str, float] = {}
    for d in task.dimensions:
        rng = np.random.default_rng([seed, d])
        sets = [draw(name, task.points, d, rng) for name in SETS]
        y = torch.from_numpy(rng.random((task.queries, d)))
        exact = [l1_sums(x, y) for x in sets]
        for name, answer in mechanisms(task).items():
            worst = []
            for i, epsilon in enumerate(task.epsilons):
                mechanism = Laplace(epsilon, Simulation([seed, d, i]))
                squares = [
                    torch.stack(
                        [(answer(x, y, mechanism) - s).square() for _ in range(task.releases)]
                    ).mean(0)
                    for x, s in zip(sets, exact, strict=True)
                ]
                largest = max(float(square.max()) for square in squares)
                worst.append(largest**0.5 * epsilon / d)
                context.stop.raise_if_set()
            metrics[f"floor_{name}_d{d}"] = min(worst)
    metrics["floor_least"] = min(metrics.values())
    return TaskResult(metrics)


def mechanisms(task) -> dict[str, Answer]:
    """Each with the whole epsilon."""
    height = task.height

    def tree(counts: str) -> Answer:
        return lambda x, y, noise: DistanceSums.release(x, noise, height=height).query(
            y, task.alpha, weight="geometric", counts=counts
        )

    def upper(x, y, noise):
        return DistanceSums.release(x, noise, height=height).query(y, task.alpha)

    def grid(x, y, noise):
        parts = best_parts(len(x), noise.epsilon / x.shape[1])
        return GridSums.release(x, noise, parts=parts).query(y)

    def weights(x, y, noise):
        return multiplicative_weights(
            x, noise, height=task.weights_height, rounds=task.rounds
        ).query(y)

    return {
        "tree": upper,
        "tree_geometric": tree("tree"),
        "consistent": tree("consistent"),
        "flat": lambda x, y, noise: FlatSums.release(x, noise, height=height).query(y),
        "count_and_sum": lambda x, y, noise: CountAndSumTrees.release(
            x, noise, height=height
        ).query(y),
        "grid": grid,
        "weights": weights,
    }
