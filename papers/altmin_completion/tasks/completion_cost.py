"""C8: operations and time of a half round by rank, exact against a few inner steps; C9: a round
against the time to check a candidate."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult
from common.recovery.ground_truth import orthonormal
from common.recovery.rates import line
from papers.altmin_completion.models import rounds
from papers.altmin_completion.problems import draw
from papers.altmin_completion.solvers import ConjugateGradient, Exact


def run(context: RunContext) -> TaskResult:
    """By k, on the same gathered blocks: ``seconds_*`` of ``fast`` (three steps from 0), ``warm``
    (from a start, which takes a product more), ``normal`` and ``qr``; ``speedup_k*`` of fast and
    ``warm_speedup_k*`` of warm steps over normal equations, ``qr_speedup_k*`` of fast over QR;
    ``flops_slope_*`` of ln operations, counted while they run, over ln k; ``crossover``, the rank
    at which the two are predicted to be level, from the rates of a matrix product and of reading;
    ``verification_k*``, a round's time over that of P_Omega(U V^T) - P_Omega(M) by the faster way,
    ``by_gathers_k*`` over that of |Omega| products of rows. One thread.

    Raises:
        InvalidInputError: a rank above the entries of a row.
    """
    task, seed = context.config.task, context.config.seed
    if max(task.ranks) > task.entries:
        raise InvalidInputError(
            f"ranks={list(task.ranks)}; {task.entries} entries a row allow 1 to {task.entries}."
        )
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
        b = torch.from_numpy(rng.standard_normal((task.rows, task.entries)))
        start = torch.from_numpy(rng.standard_normal((task.rows, k)))
        few = ConjugateGradient(task.steps)
        ways: dict[str, Callable[[], object]] = {
            "fast": lambda a=a, b=b, few=few: few.of_block(a, b, None),
            "warm": lambda a=a, b=b, start=start, few=few: few.of_block(a, b, start),
            "normal": lambda a=a, b=b: Exact().of_block(a, b),
            "qr": lambda a=a, b=b: Exact("qr").of_block(a, b),
        }
        seconds = {name: median_seconds(way, task.repeats) for name, way in ways.items()}
        found |= {f"seconds_{name}_k{k}": value for name, value in seconds.items()}
        found |= {
            f"speedup_k{k}": seconds["normal"] / seconds["fast"],
            f"warm_speedup_k{k}": seconds["normal"] / seconds["warm"],
            f"qr_speedup_k{k}": seconds["qr"] / seconds["fast"],
        }
        operations["fast"].append(products(ways["fast"]))
        # Factors and their use are not counted by PyTorch; per row and k, not per entry.
        factors = task.rows * (k**3 / 3 + 2 * k * k)
        operations["normal"].append(products(ways["normal"]) + factors)
        context.stop.raise_if_set()
    for name, counted in operations.items():
        found[f"flops_slope_{name}"] = line(np.log(task.ranks), np.log(counted)).slope
    return found


def products(way: Callable[[], object]) -> float:
    """Operations of the matrix products that are done, as PyTorch counts them, and of those with
    one vector, which it leaves out. What is done to vectors of k entries a row is not counted."""
    with FlopCounterMode(
        display=False, custom_mapping={torch.ops.aten.mv: of_one_vector}
    ) as counter:
        way()
    return float(counter.get_total_flops())


def of_one_vector(a: tuple[int, int], *_: object, **__: object) -> int:
    """From the shape of the matrix."""
    return 2 * a[0] * a[1]


def rates(task, seed: int) -> dict[str, float]:
    """Operations a second of a matrix product, bytes a second of reading; and the rank at which 2
    k^2 of the former take as long as steps + 1 readings of 8 k: one for A^T b and one a step, whose
    second product finds A in the cache."""
    side = 1024
    square = torch.from_numpy(np.random.default_rng(seed).standard_normal((side, side)))
    product = 2 * side**3 / median_seconds(lambda: square @ square, task.repeats)
    long = torch.ones(task.rows * task.entries * max(task.ranks), dtype=torch.float64)
    stream = 8 * len(long) / median_seconds(long.sum, task.repeats)
    level = (task.steps + 1) * 8 / stream * product / 2
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

    taken, check, gathers = (
        median_seconds(way, task.repeats)
        for way in (
            one_round,
            lambda: observed.misfit(left, right),
            lambda: observed.gathered_misfit(left, right),
        )
    )
    return {
        f"verification_k{task.rank}": taken / min(check, gathers),
        f"by_gathers_k{task.rank}": taken / gathers,
    }


def median_seconds(way: Callable[[], object], repeats: int) -> float:
    """After one call that is not counted."""
    way()
    taken = []
    for _ in range(repeats):
        begun = time.perf_counter()
        way()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)
