"""C8: operations and time of a half round by rank, exact against a few inner steps; C9: a round
against the time to check a candidate."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from common.experiment.context import RunContext, TaskResult
from common.recovery.ground_truth import orthonormal
from common.recovery.rates import line
from papers.altmin_completion.least_squares import conjugate_gradient
from papers.altmin_completion.models import rounds
from papers.altmin_completion.problems import draw
from papers.altmin_completion.solvers import ConjugateGradient


def run(context: RunContext) -> TaskResult:
    """By k, on the same gathered blocks: ``seconds_*`` of ``fast`` (three steps), ``normal`` and
    ``qr``; ``speedup_k*`` of fast over normal equations, ``qr_speedup_k*`` over QR;
    ``flops_slope_*`` of ln operations over ln k; ``crossover``, the rank at which the two are
    predicted to be level, from the rates of a matrix product and of reading; ``verification_k*``, a
    round's time over that of P_Omega(U V^T) - P_Omega(M). One thread."""
    task, seed = context.config.task, context.config.seed
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        metrics = blocks(context) | rates(task, seed)
        return TaskResult(metrics | verification(task, seed))
    finally:
        torch.set_num_threads(before)


def blocks(context: RunContext) -> dict[str, float]:
    """Least squares of gathered blocks (g, N, k)."""
    task, rng = context.config.task, np.random.default_rng(context.config.seed)
    found: dict[str, float] = {}
    operations: dict[str, list[float]] = {"fast": [], "normal": []}
    for k in task.ranks:
        a = torch.from_numpy(rng.standard_normal((task.rows, task.entries, k)))
        a /= task.entries**0.5
        b = torch.from_numpy(rng.standard_normal((task.rows, task.entries, 1)))
        ways: dict[str, Callable[[], object]] = {
            "fast": lambda a=a, b=b: fast(a, b, task.steps),
            "normal": lambda a=a, b=b: torch.cholesky_solve(
                a.mT @ b, torch.linalg.cholesky(a.mT @ a)
            ),
            "qr": lambda a=a, b=b: by_qr(a, b),
        }
        seconds = {name: median_seconds(way, task.repeats) for name, way in ways.items()}
        found |= {f"seconds_{name}_k{k}": value for name, value in seconds.items()}
        found |= {
            f"speedup_k{k}": seconds["normal"] / seconds["fast"],
            f"qr_speedup_k{k}": seconds["qr"] / seconds["fast"],
        }
        entries = task.rows * task.entries
        # Products with A and its transpose, one pair a step and one at the start, and A^T b.
        operations["fast"].append(entries * k * (4 * (task.steps + 1) + 2))
        operations["normal"].append(entries * (2 * k * k + 2 * k) + task.rows * k**3 / 3)
        context.stop.raise_if_set()
    for name, counted in operations.items():
        found[f"flops_slope_{name}"] = line(np.log(task.ranks), np.log(counted)).slope
    return found


def fast(a: torch.Tensor, b: torch.Tensor, steps: int) -> torch.Tensor:
    """Conjugate gradients on the normal equations, from zero."""
    right = (a.mT @ b)[..., 0]
    return conjugate_gradient(
        lambda z: (a.mT @ (a @ z[..., None]))[..., 0], right, torch.zeros_like(right), steps
    )


def by_qr(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The second baseline."""
    q, r = torch.linalg.qr(a)
    return torch.linalg.solve_triangular(r, q.mT @ b, upper=True)


def rates(task, seed: int) -> dict[str, float]:
    """Operations a second of a matrix product, bytes a second of reading; and the rank at which 2
    k^2 of the former take as long as 2 (steps + 1) readings of 8 k."""
    side = 1024
    square = torch.from_numpy(np.random.default_rng(seed).standard_normal((side, side)))
    product = 2 * side**3 / median_seconds(lambda: square @ square, task.repeats)
    long = torch.ones(task.rows * task.entries * max(task.ranks), dtype=torch.float64)
    stream = 8 * len(long) / median_seconds(long.sum, task.repeats)
    level = 2 * (task.steps + 1) * 8 / stream * product / 2
    return {"gflops": product / 1e9, "gbytes": stream / 1e9, "crossover": level}


def verification(task, seed: int) -> dict[str, float]:
    """A round of three warm inner steps over checking a candidate."""
    rng = np.random.default_rng(seed)
    problem = draw(task.size, task.rank, task.share, rng)
    observed = problem.observed
    left, right = (orthonormal(task.size, task.rank, rng) for _ in range(2))

    def one_round() -> None:
        for _ in rounds(observed, left, 1, ConjugateGradient(task.steps)):
            pass

    both = [median_seconds(way, task.repeats) for way in (
        one_round, lambda: observed.misfit(left, right)
    )]  # fmt: skip
    return {f"verification_k{task.rank}": both[0] / both[1]}


def median_seconds(way: Callable[[], object], repeats: int) -> float:
    """After one call that is not counted."""
    way()
    taken = []
    for _ in range(repeats):
        begun = time.perf_counter()
        way()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)
