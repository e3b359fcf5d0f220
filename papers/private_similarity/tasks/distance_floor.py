"""C11: no l1 mechanism may do better than the lower bound; one that does is not private."""

from __future__ import annotations

import numpy as np
import torch

from common.experiment.context import RunContext, TaskResult
from papers.private_similarity.exact import l1_sums
from papers.private_similarity.mechanisms import Laplace
from papers.private_similarity.models import DistanceSums
from papers.private_similarity.problems import SETS, draw
from papers.private_similarity.simulation import Simulation
from papers.private_similarity.tasks.answers import Answer, grid, peers


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

    def tree(**how: str) -> Answer:
        return lambda x, y, noise: DistanceSums.release(x, noise, height=task.height).query(
            y, task.alpha, **how
        )

    return {
        "tree": tree(),
        "tree_geometric": tree(weight="geometric"),
        "consistent": tree(weight="geometric", counts="consistent"),
        "grid": grid,
    } | peers(task.height, task.weights_height, task.rounds)
