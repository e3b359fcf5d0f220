"""E8: the norms decide what the fast gradient costs, and from which length on it is the faster."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.optimize import nnls

from common.compression.costs import latency
from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from common.kernels.monomials import monomial_count
from papers.lora_limits.bounds import score_radius
from papers.lora_limits.chunked import chunked_gradients
from papers.lora_limits.fast import fast_gradients
from papers.lora_limits.head import Problem, distance
from papers.lora_limits.instances import standard_problem
from papers.lora_limits.polynomials import KINDS, ExpPolynomial, smallest_degree, taylor
from papers.lora_limits.tasks.scaling import anew, in_double


def run(context: RunContext) -> TaskResult:
    """Least degrees; times and crossings of heads that differ in Gamma alone (named in hundredths:
    ``gamma50`` is 0.5)."""
    task, on = context.config.task, device(context.config.trainer)
    if len(task.lengths) < 2 or list(task.lengths) != sorted(set(task.lengths)) or task.rounds < 1:
        raise InvalidInputError(
            f"task.lengths={list(task.lengths)} and task.rounds={task.rounds}; needed are two or "
            "more ascending lengths and one round or more."
        )
    metrics = degrees(task.radii, task.eta, task.width)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for gamma in context.track(list(task.gammas), "norms"):
            found = at_gamma(task, gamma, context.config.seed, on)
            metrics |= {f"{name}_gamma{100 * gamma:.0f}": v for name, v in found.items()}
    finally:
        torch.set_num_threads(threads)
    return TaskResult(metrics, facts={"device": str(on), "dtype": "float32", "threads": 1})


def degrees(radii: list[float], eta: float, width: int) -> dict[str, float]:
    """g and k1 by R (in tenths: ``r5`` is 0.5) and kind."""
    metrics = {}
    for radius in radii:
        for kind in KINDS:
            degree = smallest_degree(kind, radius, eta)
            name = f"{kind}_r{10 * radius:.0f}"
            metrics[f"degree_{name}"] = float(degree)
            metrics[f"features_{name}"] = float(monomial_count(width, degree))
    return metrics


def at_gamma(task, gamma: float, seed: int, on: torch.device) -> dict[str, float]:
    """Degree, features, seconds, error at the longest length, and where the two methods cross."""
    fast, exact = [], []
    for length in task.lengths:
        problem = standard_problem(
            length, task.width, gamma, seed, rank=task.rank, dtype=torch.float32, device=on
        )
        radius = score_radius(problem.queries, problem.keys)
        chosen = taylor(smallest_degree("taylor", radius, task.eta), radius)
        seconds = timed(problem, chosen, task.rounds, on)
        fast.append(seconds[0])
        exact.append(seconds[1])
    errors = distance(
        fast_gradients(problem, chosen).weights, chunked_gradients(in_double(problem)).weights
    )
    return {
        "radius": radius,
        "degree": float(chosen.degree),
        "features": float(monomial_count(task.width, chosen.degree)),
        "error": max(errors.values()),
        "fast_seconds": fast[-1],
        "exact_seconds": exact[-1],
        "crossing": crossing(list(task.lengths), fast, exact),
    }


def timed(
    problem: Problem, chosen: ExpPolynomial, rounds: int, on: torch.device
) -> tuple[float, float]:
    """Median seconds of the fast and of the exact gradient, projections included."""
    return (
        latency(lambda: fast_gradients(anew(problem), chosen), rounds=rounds, device=on),
        latency(lambda: chunked_gradients(anew(problem)), rounds=rounds, device=on),
    )


def crossing(lengths: list[int], fast: list[float], exact: list[float]) -> float:
    """The length from which on the fast one is the faster, 0 if it always is: where ``a + b L``,
    fitted to its times, meets ``c + e L^2``, fitted to the other's; both by least squares of
    relative errors, no coefficient below 0."""
    a, b = _fit(lengths, fast, power=1)
    c, e = _fit(lengths, exact, power=2)
    inside = b**2 - 4 * e * (c - a)
    return max(0.0, (b + math.sqrt(inside)) / (2 * e)) if inside >= 0 else 0.0


def _fit(lengths: list[int], seconds: list[float], power: int) -> tuple[float, float]:
    rows = [[1 / t, length**power / t] for length, t in zip(lengths, seconds, strict=True)]
    constant, factor = nnls(np.array(rows), np.ones(len(rows)))[0]
    return float(constant), max(float(factor), 1e-30)
