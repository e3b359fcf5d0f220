"""C4: additive errors of the tree and of a grid of answers, on a line."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from common.experiment.context import RunContext, TaskResult
from common.recovery.rates import line
from papers.private_similarity.exact import l1_sums
from papers.private_similarity.mechanisms import Laplace
from papers.private_similarity.models import DistanceSums
from papers.private_similarity.problems import draw
from papers.private_similarity.simulation import NoNoise, Simulation
from papers.private_similarity.tasks.answers import grid, peers


def run(context: RunContext) -> TaskResult:
    """Mean of |error| / S over queries and releases: ``tree_additive_n*_e*`` is the answer less the
    answer without noise, the others' are whole errors (see ``errors``); ``*_slope_e*`` of ln error
    over ln n; ``additive_over_grid``, the largest ratio of the two where n epsilon is at least
    ``compared_from``."""
    task, seed = context.config.task, context.config.seed
    rng = np.random.default_rng(seed)
    y = torch.from_numpy(rng.random((task.queries, 1)))
    metrics: dict[str, float] = {}
    for n in task.counts:
        x = draw("uniform", n, 1, rng)
        for epsilon in task.epsilons:
            found = errors(context, x, y, epsilon)
            metrics |= {f"{name}_n{n}_e{epsilon:g}": value for name, value in found.items()}
    for epsilon in task.epsilons:
        for name in ("tree_additive", "grid"):
            values = [metrics[f"{name}_n{n}_e{epsilon:g}"] for n in task.counts]
            slope = line(np.log(task.counts), np.log(values)).slope
            metrics[f"{name}_slope_e{epsilon:g}"] = slope
    metrics["additive_over_grid"] = max(
        metrics[f"tree_additive_n{n}_e{e:g}"] / metrics[f"grid_n{n}_e{e:g}"]
        for n in task.counts
        for e in task.epsilons
        if n * e >= task.compared_from
    )
    return TaskResult(metrics)


def errors(
    context: RunContext, x: Float[Tensor, "n d"], y: Float[Tensor, "q d"], epsilon: float
) -> dict[str, float]:
    """``tree_additive``; whole errors of ``tree`` with upper weights, ``tree_geometric``,
    ``consistent`` (geometric), ``grid``; and of fewer releases ``flat``, ``count_and_sum``,
    ``weights``."""
    task = context.config.task
    mechanism = Laplace(epsilon, Simulation([context.config.seed, len(x), round(1000 * epsilon)]))
    exact = l1_sums(x, y)
    still = DistanceSums.release(x, NoNoise(), height=task.height).query(y, task.alpha)
    others = peers(task.height, task.weights_height, task.rounds)
    found: dict[str, list[float]] = {}
    for i in range(task.releases):
        tree = DistanceSums.release(x, mechanism, height=task.height)
        plain = tree.query(y, task.alpha)
        answers = {
            "tree": plain,
            "tree_geometric": tree.query(y, task.alpha, weight="geometric"),
            "consistent": tree.query(y, task.alpha, weight="geometric", counts="consistent"),
            "grid": grid(x, y, mechanism),
        }
        if i < task.peer_releases:
            answers |= {name: answer(x, y, mechanism) for name, answer in others.items()}
        off = {name: answer - exact for name, answer in answers.items()}
        for name, error in (off | {"tree_additive": plain - still}).items():
            found.setdefault(name, []).append(float((error.abs() / exact).mean()))
        context.stop.raise_if_set()
    return {name: float(np.mean(values)) for name, values in found.items()}
