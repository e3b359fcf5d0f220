"""Gradients of LoRA in almost linear time against the exact gradient in blocks.

A head of width 4, Gamma = 1, Taylor polynomial of degree 4 (70 monomials), float32, one thread,
projections included, the error beside. Bounds: log time over log L at most 1.15 from 2^11 to 2^16
tokens; at least 20 times faster than the exact gradient at 2^14; at most 3 microseconds a token. So
that the race is fair, the exact gradient runs at 60 % or more of the rate of its own matrix
products alone: the rest of its time is exp.
"""

import numpy as np
import torch

from benchmarks.peak_memory import extra_peak_bytes
from benchmarks.report import Measurement
from benchmarks.timing import interleaved_medians
from papers.lora_limits.chunked import KEYS, QUERIES, chunked_gradients, two_sweeps
from papers.lora_limits.fast import blocks, fast_gradients
from papers.lora_limits.head import Problem, distance
from papers.lora_limits.instances import standard_problem
from papers.lora_limits.peers import fused_gradients
from papers.lora_limits.polynomials import taylor

WIDTH, GAMMA, DEGREE = 4, 1.0, 4
LENGTHS = tuple(2**bits for bits in range(11, 17))
EXACT = 2**14
SLOPE_BOUND, SPEED_BOUND, RATE_BOUND, TOKEN_BOUND = 1.15, 20.0, 0.6, 3.0
ERROR_BOUND, PEAK_BOUND = 1e-3, 200.0
_ROUNDS = 3  # of calls that take a second


def problem(length, dtype=torch.float32):
    return standard_problem(length, WIDTH, GAMMA, 0, dtype=dtype)


def fast(of):
    """The gradient with its projections."""
    return fast_gradients(Problem(of.x, of.y, of.head), taylor(DEGREE, 1.0))


def exact(of):
    return chunked_gradients(Problem(of.x, of.y, of.head))


def products(of):
    """The two matrix products of each tile of the exact gradient, and nothing else."""
    keys, queries = of.keys, of.queries.mT.contiguous()
    columns = torch.randn((WIDTH + 1) ** 2, of.length)
    tile = torch.empty(KEYS, QUERIES)
    out = torch.zeros(len(columns), QUERIES)

    def call():
        for rows in blocks(of.length, QUERIES):
            for others in blocks(of.length, KEYS):
                torch.mm(keys[others], queries[:, rows], out=tile)
                out.addmm_(columns[:, others], tile)

    return call


def prepare(length):
    fast(problem(512))
    of = problem(length)
    return lambda: fast(of)


def measure(rounds: int, threads: int, peer: bool) -> list[Measurement]:
    torch.set_num_threads(1)
    try:
        return [*_lengths(rounds), *_race(), _rate(), _peak()]
    finally:
        torch.set_num_threads(threads)


def _lengths(rounds):
    name = f"LoRA's gradients, d {WIDTH}, degree {DEGREE}, L {LENGTHS[0]} to {LENGTHS[-1]}"
    problems = {length: problem(length) for length in LENGTHS}
    seconds = interleaved_medians(
        {str(length): lambda of=of: fast(of) for length, of in problems.items()}, rounds
    )
    slope = np.polyfit(np.log(LENGTHS), np.log([seconds[str(n)] for n in LENGTHS]), 1)[0]
    longest = LENGTHS[-1]
    per_token = 1e6 * seconds[str(longest)] / longest
    return [
        Measurement(name, "log time over log L", float(slope), "", ("<=", SLOPE_BOUND)),
        Measurement(name, f"a token, L {longest}", per_token, "us", ("<=", TOKEN_BOUND)),
        *(Measurement(name, f"L {length}", 1e3 * seconds[str(length)], "ms") for length in LENGTHS),
    ]


def _race():
    name = f"LoRA's gradients, d {WIDTH}, L {EXACT}"
    of = problem(EXACT)
    contestants = {
        "fast": lambda: fast(of),
        "exact": lambda: exact(of),
        "exact, two sweeps": lambda: two_sweeps(of),
        "fused attention and its backward": lambda: fused_gradients(of),
    }
    seconds = interleaved_medians(contestants, _ROUNDS, warmup=1)
    error = max(distance(fast(of).weights, exact(problem(EXACT, torch.float64)).weights).values())
    return [
        *(Measurement(name, what, 1e3 * value, "ms") for what, value in seconds.items()),
        Measurement(
            name, "exact / fast", seconds["exact"] / seconds["fast"], "x", (">=", SPEED_BOUND)
        ),
        Measurement(name, "relative error", error, "", ("<=", ERROR_BOUND)),
    ]


def _rate():
    length = EXACT // 2
    of = problem(length)
    seconds = interleaved_medians(
        {"exact": lambda: exact(of), "products": products(of)}, 2 * _ROUNDS + 1, warmup=1
    )
    return Measurement(
        f"exact gradient in tiles, d {WIDTH}, L {length}",
        "rate / that of its products alone",
        seconds["products"] / seconds["exact"],
        "x",
        (">=", RATE_BOUND),
    )


def _peak():
    peak = extra_peak_bytes(prepare, LENGTHS[-1], threads=1) / 2**20
    name = f"LoRA's gradients, d {WIDTH}, L {LENGTHS[-1]}"
    return Measurement(name, "peak", peak, "MiB", ("<=", PEAK_BOUND))
