"""E1 to E3: the gradient's closed form, the ranks of its links, the polynomial's features."""

from __future__ import annotations

import torch
from torch import Tensor

from common.experiment.context import RunContext, TaskResult
from common.kernels.monomials import monomial_count
from papers.lora_limits.bounds import score_radius
from papers.lora_limits.exact import adapters_by_autograd, chain, closed_form
from papers.lora_limits.factored import factors, polynomial_factors
from papers.lora_limits.features import feature_maps
from papers.lora_limits.head import Problem, distance
from papers.lora_limits.instances import Draws, standard_problem
from papers.lora_limits.polynomials import taylor


def run(context: RunContext) -> TaskResult:
    """Relative errors in float64, ranks, and numbers of features."""
    task, seed = context.config.task, context.config.seed
    problem = standard_problem(task.length, task.width, task.gamma, seed, rank=task.rank)
    sharp = standard_problem(task.length, task.width, task.sharp_gamma, seed, rank=task.rank)
    metrics = gradients(problem) | ranks(problem, sharp, task.degree)
    return TaskResult(metrics | features(task.widths, task.degrees, seed))


def gradients(problem: Problem) -> dict[str, float]:
    """E1."""
    wanted = adapters_by_autograd(problem)
    errors = distance(closed_form(problem).of_adapters(problem.head), wanted)
    return {
        **{f"{name.replace('.', '_')}_error": error for name, error in errors.items()},
        "gradient_error": max(errors.values()),
        "row_sum": float(chain(problem).p.sum(1).abs().max()),
    }


def ranks(problem: Problem, sharp: Problem, degree: int) -> dict[str, float]:
    """E2."""
    polynomial = taylor(degree, score_radius(problem.queries, problem.keys))
    parts = factors(problem, *polynomial_factors(problem, polynomial))
    exact = chain(problem)
    k1 = monomial_count(problem.queries.shape[1], degree)
    f = chain(sharp).f
    return {
        "rank_q": _rank(exact.q),
        "rank_p1": _rank(parts.U3 @ parts.V3.mT),
        "rank_p2": _rank(parts.U4 @ parts.V4.mT),
        "rank_p": _rank(parts.U3 @ parts.V3.mT - parts.U4 @ parts.V4.mT),
        "k1": float(k1),
        "k3": float(parts.U3.shape[1]),
        "rank_f": _rank(f),
        "smallest_singular_value_f": float(torch.linalg.svdvals(f)[-1]),
    }


def features(widths: list[int], degrees: list[int], seed: int) -> dict[str, float]:
    """E3: largest deviation over the largest value, and how many counts are not C(d + g, g)."""
    worst, miscounted = 0.0, 0
    for width in widths:
        draw = Draws(seed)
        q, k = draw.normal(32, width) / width, draw.normal(32, width)
        for degree in degrees:
            polynomial = taylor(degree, score_radius(q, k))
            left, right = feature_maps(q, k, polynomial)
            wanted = polynomial(q @ k.mT)
            worst = max(worst, float((left @ right.mT - wanted).abs().max() / wanted.abs().max()))
            count = monomial_count(width, degree)
            miscounted += not left.shape[1] == right.shape[1] == count
    return {"feature_error": worst, "miscounted": float(miscounted)}


def _rank(matrix: Tensor) -> float:
    return float(torch.linalg.matrix_rank(matrix))
