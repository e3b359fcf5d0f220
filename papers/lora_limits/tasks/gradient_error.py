"""E4 and E5: the fast gradient tends to the exact one as the degree grows; others at equal k1."""

from __future__ import annotations

import torch

from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult
from common.kernels.monomials import monomial_count
from papers.lora_limits.bounds import score_radius
from papers.lora_limits.exact import adapters_by_autograd, chain, closed_form
from papers.lora_limits.factored import factored_gradients, polynomial_factors
from papers.lora_limits.fast import fast_gradients
from papers.lora_limits.head import Gradients, Problem, distance
from papers.lora_limits.instances import standard_problem
from papers.lora_limits.models import aloragc
from papers.lora_limits.peers import (
    differentiated_approximation,
    fused_gradients,
    random_feature_factors,
    truncated_factors,
)
from papers.lora_limits.polynomials import ExpPolynomial, polynomial, taylor


def run(context: RunContext) -> TaskResult:
    """Relative errors in Frobenius norm, per weight and per factor, and the bounds on them."""
    task, seed = context.config.task, context.config.seed
    if not task.degrees:
        raise InvalidInputError("task.degrees=[]; needed is one degree or more.")
    problem = standard_problem(task.length, task.width, task.gamma, seed, rank=task.rank)
    radius = score_radius(problem.queries, problem.keys)
    metrics = {"radius": radius}
    for degree in task.degrees:
        chosen = polynomial(task.polynomial, degree, radius)
        found = errors(problem, chosen) | weight_errors(problem, chosen)
        metrics |= {f"{name}_g{degree}": value for name, value in found.items()}
    metrics |= promise(problem, task.epsilon, task.polynomial)
    wide = standard_problem(task.peer_length, task.width, task.gamma, seed, rank=task.rank)
    for degree in task.peer_degrees:
        metrics |= {f"{name}_g{degree}": e for name, e in peers(wide, degree, seed).items()}
    metrics["fused"] = largest(fused_gradients(wide), wide)
    return TaskResult(metrics)


def largest(found: Gradients, problem: Problem) -> float:
    """Of the three weights' relative errors."""
    return max(distance(found.weights, closed_form(problem).weights).values())


def errors(problem: Problem, chosen: ExpPolynomial) -> dict[str, float]:
    """Of the three weights and of the six factors; and how far the two forms are apart."""
    fast = fast_gradients(problem, chosen)
    weights = distance(fast.weights, closed_form(problem).weights)
    wanted = adapters_by_autograd(problem)
    adapters = distance(fast.of_adapters(problem.head), wanted)
    written_out = factored_gradients(problem, *polynomial_factors(problem, chosen))
    return {
        **weights,
        **{name.replace(".", "_"): error for name, error in adapters.items()},
        # The special case adapts W_Q and W_V, the general one W_K as well.
        "special": max(weights["query"], weights["value"]),
        "special_adapters": max(e for n, e in adapters.items() if not n.startswith("key")),
        "adapters": max(adapters.values()),
        "streamed_from_written_out": max(distance(fast.weights, written_out.weights).values()),
    }


def weight_errors(problem: Problem, chosen: ExpPolynomial) -> dict[str, float]:
    """Entrywise error of the attention weights over f, and over its bound 2 eta / (1 - eta), with
    eta measured on the scores."""
    f = chain(problem).f
    U1, V1 = polynomial_factors(problem, chosen)
    scores = problem.queries @ problem.keys.mT
    eta = float((chosen(scores) * torch.exp(-scores) - 1).abs().max())
    error = float(((U1 @ V1.mT - f).abs() / f).max())
    return {"eta": eta, "f": error, "f_over_bound": error / (2 * eta / (1 - eta))}


def promise(problem: Problem, epsilon: float, kind: str) -> dict[str, float]:
    """What ALoRAGC says and what it gives."""
    solved = aloragc(problem, epsilon, kind=kind)
    wanted = adapters_by_autograd(problem)
    worst = max(float((solved.adapters[name] - wanted[name]).abs().max()) for name in wanted)
    return {
        "promised_degree": float(solved.polynomial.degree),
        "promised_features": float(solved.features),
        "promised_bound": solved.bound,
        "promised_error": worst,
        "promised_error_over_epsilon": worst / epsilon,
    }


def peers(problem: Problem, degree: int, seed: int) -> dict[str, float]:
    """Largest relative error of a weight's gradient, all at k1 = C(d + g, g) columns."""
    k1 = monomial_count(problem.queries.shape[1], degree)
    if k1 > problem.length:
        raise InvalidInputError(
            f"task.peer_length={problem.length} is below the k1={k1} of degree {degree}; make it "
            "longer, or the degree smaller."
        )
    chosen = taylor(degree, score_radius(problem.queries, problem.keys))
    random = factored_gradients(problem, *random_feature_factors(problem, k1, seed))
    oracle = factored_gradients(problem, *truncated_factors(problem, k1))
    return {
        "peer_fast": largest(fast_gradients(problem, chosen), problem),
        "peer_differentiated": largest(differentiated_approximation(problem, chosen), problem),
        "peer_random_features": largest(random, problem),
        "peer_truncated_svd": largest(oracle, problem),
    }
