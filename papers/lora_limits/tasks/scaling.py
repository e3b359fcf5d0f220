"""E6 and E7: time and memory over the length, fast against exact, with the error beside."""

from __future__ import annotations

from collections.abc import Callable

import torch

from common.compression.costs import latency
from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from papers.lora_limits.allocation import counted
from papers.lora_limits.bounds import score_radius
from papers.lora_limits.chunked import chunked_gradients
from papers.lora_limits.factored import factored_gradients, polynomial_factors
from papers.lora_limits.fast import fast_gradients
from papers.lora_limits.head import AdaptedWeight, Head, Problem, distance
from papers.lora_limits.instances import standard_problem
from papers.lora_limits.peers import fused_gradients
from papers.lora_limits.polynomials import taylor


def run(context: RunContext) -> TaskResult:
    """Seconds of one gradient of all three weights, projections included; errors to the exact
    gradient in float64; bytes that torch allocates."""
    task, on = context.config.task, device(context.config.trainer)
    check(task)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        metrics: dict[str, float] = {}
        for length in context.track(list(task.lengths), "lengths"):
            metrics |= at_length(task, length, context.config.seed, on)
    finally:
        torch.set_num_threads(threads)
    longest = min(task.exact_up_to, task.lengths[-1])
    timed = max(length for length in task.lengths if length <= longest)
    fast, exact = (metrics[f"{name}_seconds_l{timed}"] for name in ("fast", "exact"))
    metrics["speedup"] = exact / fast
    metrics["speedup_length"] = float(timed)
    last = task.lengths[-1]
    metrics["microseconds_per_token"] = 1e6 * metrics[f"fast_seconds_l{last}"] / last
    return TaskResult(metrics, facts={"device": str(on), "dtype": "float32", "threads": 1})


def check(task) -> None:
    """Raises InvalidInputError if there is nothing to time."""
    ascending = list(task.lengths) == sorted(set(task.lengths)) and len(task.lengths) > 0
    if not ascending or task.lengths[0] < 1 or task.lengths[0] > task.exact_up_to:
        raise InvalidInputError(
            f"task.lengths={list(task.lengths)} and task.exact_up_to={task.exact_up_to}; needed "
            "are ascending lengths, the first of which the exact gradient is timed at."
        )
    if task.rounds < 1:
        raise InvalidInputError(f"task.rounds={task.rounds}; allowed: 1 or more.")


def at_length(task, length: int, seed: int, on: torch.device) -> dict[str, float]:
    """All figures of one length."""
    problem = standard_problem(
        length, task.width, task.gamma, seed, rank=task.rank, dtype=torch.float32, device=on
    )
    chosen = taylor(task.degree, score_radius(problem.queries, problem.keys))

    def fast():
        return fast_gradients(anew(problem), chosen)

    metrics = {
        "fast_seconds": latency(fast, rounds=task.rounds, device=on),
        "radius": chosen.radius,
        **{f"fast_{name}": value for name, value in memory(fast, problem).items()},
    }
    if length <= task.exact_up_to:
        rounds = max(1, task.rounds // 3)
        metrics["exact_seconds"] = latency(
            lambda: chunked_gradients(anew(problem)), rounds=rounds, device=on
        )
        metrics["fused_seconds"] = latency(
            lambda: fused_gradients(anew(problem)), rounds=1, device=on
        )

        def written_out():
            whole = anew(problem)
            return factored_gradients(whole, *polynomial_factors(whole, chosen))

        metrics["written_out_seconds"] = latency(written_out, rounds=rounds, device=on)
        metrics["written_out_peak_megabytes"] = memory(written_out, problem)["peak_megabytes"]
    exact = chunked_gradients(in_double(problem))
    metrics["error"] = max(distance(fast().weights, exact.weights).values())
    return {f"{name}_l{length}": value for name, value in metrics.items()}


def memory(call: Callable[[], object], problem: Problem) -> dict[str, float]:
    """Largest sum of bytes alive, and the largest tensor over one of L x L of the same type."""
    seen = counted(call)
    square = problem.x.element_size() * problem.length**2
    return {
        "peak_megabytes": seen.peak_bytes / 1e6,
        "largest_over_square": seen.largest / square,
    }


def anew(problem: Problem) -> Problem:
    """The same, with its projections still to be computed."""
    return Problem(problem.x, problem.y, problem.head)


def in_double(problem: Problem) -> Problem:
    """The same numbers in float64."""
    weights = (
        AdaptedWeight(w.frozen.double(), w.B.double(), w.A.double(), w.scale)
        for w in problem.head.weights.values()
    )
    return Problem(problem.x.double(), problem.y.double(), Head(*weights, beta=problem.head.beta))
