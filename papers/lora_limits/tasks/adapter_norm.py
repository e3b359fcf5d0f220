"""E9: an adapter that grows takes a fast instance into the slow regime, all else untouched."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult
from common.kernels.monomials import monomial_count
from papers.lora_limits.bounds import gamma, score_radius
from papers.lora_limits.exact import closed_form
from papers.lora_limits.fast import fast_gradients
from papers.lora_limits.head import distance
from papers.lora_limits.instances import grown_adapter
from papers.lora_limits.polynomials import smallest_degree, taylor


def run(context: RunContext) -> TaskResult:
    """R, needed degree, and the relative error of W_Q's gradient at a fixed degree, by growth."""
    task, seed = context.config.task, context.config.seed
    metrics: dict[str, float] = {}
    points = []
    for growth in task.growths:
        problem = grown_adapter(task.length, task.width, seed, growth, rank=task.rank)
        radius = score_radius(problem.queries, problem.keys)
        fast = fast_gradients(problem, taylor(task.degree, radius))
        error = distance(fast.weights, closed_form(problem).weights)["query"]
        degree = smallest_degree("taylor", radius, task.eta)
        metrics |= {
            f"radius_k{growth}": radius,
            f"gamma_query_k{growth}": gamma(problem)[0],
            f"degree_k{growth}": float(degree),
            f"features_k{growth}": float(monomial_count(task.width, degree)),
            f"error_k{growth}": error,
        }
        # Without an adapter the two may cancel: not on the law.
        if growth > 0 and error < task.judged_below:
            points.append((np.log2(radius), np.log2(error)))
    metrics |= smallest_rises(metrics, [growth for growth in task.growths if growth > 0])
    metrics["points"] = float(len(points))
    if len(points) < 2:
        raise InvalidInputError(
            f"task.growths={list(task.growths)} leave {len(points)} errors below "
            f"{task.judged_below:g}; a slope needs two. Take smaller growths."
        )
    metrics["slope"] = float(np.polyfit(*zip(*points, strict=True), 1)[0])
    return TaskResult(metrics)


def smallest_rises(metrics: dict[str, float], growths: list[int]) -> dict[str, float]:
    """Of R and of the degree, from each growth to the next: negative if one of them ever falls."""
    return {
        f"smallest_rise_{name}": min(
            metrics[f"{name}_k{b}"] - metrics[f"{name}_k{a}"] for a, b in pairwise(growths)
        )
        for name in ("radius", "degree")
        if len(growths) > 1
    }
