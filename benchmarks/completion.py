"""Completion (altmin_completion): a run against its bounds and a loop over rows, and how a round's
time grows with the number of entries.

Operations of a round of s warm steps are 2 (4 s + 6) k an entry: a product with A_j and its
transpose a step and one pair at the start, and A_j^T b, for both sides.
"""

import math
from functools import partial

import numpy as np
import torch

from benchmarks.report import Measurement
from benchmarks.timing import interleaved_medians
from common.recovery.ground_truth import orthonormal
from common.recovery.rates import line
from papers.altmin_completion.models import alternate, rounds, spectral_start
from papers.altmin_completion.observed import Observed
from papers.altmin_completion.problems import draw
from papers.altmin_completion.solvers import ConjugateGradient, Exact, Solver

SIZE, SHARE, RANK = 400, 0.3, 5
RANKS = (5, 20)  # of half rounds against a loop over rows
SPARSE_SIZE, SPARSE_RANK = 4000, 10
ENTRIES = (100_000, 200_000, 400_000, 800_000)


def measure(rounds: int, threads: int, peer: bool) -> list[Measurement]:
    return of_a_run(rounds) + of_sparse_rounds(rounds)


def of_a_run(repeats: int) -> list[Measurement]:
    """Twelve rounds at 400 x 400."""
    observed = draw(SIZE, RANK, SHARE, np.random.default_rng(0)).observed
    start = spectral_start(observed, RANK, math.inf)

    def by_rows(partner: np.ndarray) -> None:
        """Half a round as one writes it first: least squares, row by row."""
        columns = observed.transposed
        ends = np.concatenate([[0], np.cumsum(columns.counts.numpy())])
        places, values = columns.columns.numpy(), columns.values.numpy()
        for j in range(SIZE):
            inside = slice(ends[j], ends[j + 1])
            np.linalg.lstsq(partner[places[inside]], values[inside], rcond=None)

    # The same entries by the mask, as they are taken at this share, and in padded blocks.
    masked = observed.transposed
    padded = Gathered(masked.shape, masked.rows, masked.columns, masked.values)
    halves = {}
    for rank in RANKS:
        partner = orthonormal(SIZE, rank, np.random.default_rng(2))
        halves |= {
            f"mask {rank}": partial(Exact().solve, masked, partner, partner),
            f"blocks {rank}": partial(Exact().solve, padded, partner, partner),
            f"rows {rank}": partial(by_rows, partner.numpy()),
        }
    seconds = interleaved_medians(
        {
            "exact": lambda: alternate(observed, start, 12, Exact()),
            "cg2": lambda: alternate(observed, start, 12, ConjugateGradient(2)),
        }
        | halves,
        repeats,
    )
    title = f"altmin_completion, {SIZE} x {SIZE}, rank {RANK}, {SHARE:g} known"
    return [
        Measurement(title, "12 rounds, exact", seconds["exact"], "s", ("<=", 0.1)),
        Measurement(title, "12 rounds, two warm steps", seconds["cg2"], "s", ("<=", 0.4)),
        *(
            Measurement(
                f"altmin_completion, {SIZE} x {SIZE}, rank {rank}, {SHARE:g} known",
                f"loop over rows / half a round, {way}",
                seconds[f"rows {rank}"] / seconds[f"{way} {rank}"],
                "x",
                (">=", 10),
            )
            for rank in RANKS
            for way in ("blocks", "mask")
        ),
    ]


class Gathered(Observed):
    """Entries in padded blocks, whatever their share."""

    @property
    def is_dense(self) -> bool:
        return False


def of_sparse_rounds(repeats: int) -> list[Measurement]:
    """One round by the number of entries, by gathers."""
    problems = {entries: sparse(entries) for entries in ENTRIES}
    start = orthonormal(SPARSE_SIZE, SPARSE_RANK, np.random.default_rng(1))
    solvers: dict[str, Solver] = {"two warm steps": ConjugateGradient(2), "exact": Exact()}

    def one_round(observed: Observed, solver: Solver):
        def step() -> None:
            for _ in rounds(observed, start, 1, solver):
                pass

        step()  # blocks are laid out once
        return step

    seconds = interleaved_medians(
        {
            f"{name} {entries}": one_round(observed, solver)
            for name, solver in solvers.items()
            for entries, observed in problems.items()
        },
        repeats,
    )
    title = f"altmin_completion, {SPARSE_SIZE} x {SPARSE_SIZE}, rank {SPARSE_RANK}"
    found = []
    for name in solvers:
        times = [seconds[f"{name} {entries}"] for entries in ENTRIES]
        slope = line(np.log(ENTRIES), np.log(times)).slope
        found.append(
            Measurement(title, f"slope of time over entries, {name}", slope, "", ("<=", 1.1))
        )
        found.append(
            Measurement(title, f"ns an entry, {name}", 1e9 * times[-1] / ENTRIES[-1], "ns")
        )
    operations = 2 * (4 * 2 + 6) * SPARSE_RANK * ENTRIES[-1]
    rate = operations / seconds[f"two warm steps {ENTRIES[-1]}"] / 1e9
    return [*found, Measurement(title, "rate of two warm steps", rate, "Gflop/s")]


def sparse(entries: int) -> Observed:
    """So many entries of a matrix of that rank, drawn without replacement."""
    rng = np.random.default_rng(0)
    left, right = (orthonormal(SPARSE_SIZE, SPARSE_RANK, rng) for _ in range(2))
    place = np.sort(rng.choice(SPARSE_SIZE**2, entries, replace=False))
    rows, columns = (torch.from_numpy(part) for part in divmod(place, SPARSE_SIZE))
    values = (left[rows] * right[columns]).sum(-1)
    return Observed((SPARSE_SIZE, SPARSE_SIZE), rows, columns, values)
