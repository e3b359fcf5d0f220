"""C2: sensitivities whose values are known."""

from __future__ import annotations

import numpy as np

from common.experiment.context import RunContext, TaskResult
from papers.sensitivity_sampling import families, laws
from papers.sensitivity_sampling.sensitivities import sensitivities


def run(context: RunContext) -> TaskResult:
    """Largest relative distances to closed forms: ``graph_p*``, of each sensitivity of a complete
    graph, and ``graph_total_p*``; ``identity_p*``, of S to d; ``half_turn_n*``, of S to 8/3.
    ``gaussian_p*``: S of normal rows over its limit, less 1."""
    task, seed = context.config.task, context.config.seed
    metrics: dict[str, float] = {}
    graph = families.complete_graph(task.vertices)
    edges = task.vertices * (task.vertices - 1) / 2
    identity = families.stacked_identity(task.copies * task.columns, task.columns)
    for p in task.powers:
        wanted = laws.complete_graph_sensitivity(task.vertices, p)
        found = sensitivities(graph, p)
        apart = max(float((end / wanted - 1).abs().max()) for end in (found.lower, found.upper))
        metrics[f"graph_p{p:g}"] = apart
        metrics[f"graph_total_p{p:g}"] = max(abs(end / (edges * wanted) - 1) for end in found.total)
        found = sensitivities(identity, p)
        metrics[f"identity_p{p:g}"] = max(abs(end / task.columns - 1) for end in found.total)
        context.stop.raise_if_set()
    for n in task.directions:
        found = sensitivities(families.half_turn(n), 4)
        metrics[f"half_turn_n{n}"] = max(abs(end / (8 / 3) - 1) for end in found.total)
    matrix = families.gaussian(task.rows, task.columns, np.random.default_rng(seed))
    for p in task.gaussian_powers:
        total = sensitivities(matrix, p).total[1]
        metrics[f"gaussian_p{p:g}"] = total / laws.gaussian_total(task.columns, p) - 1
        context.stop.raise_if_set()
    return TaskResult(metrics)
