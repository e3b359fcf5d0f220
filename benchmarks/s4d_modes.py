"""Convolution or scan: the rule of ``s4d_apply`` against both, over a grid of shapes.

Bound: what ``auto`` chooses is nowhere more than 10 % slower than the other. None of these shapes
is among those that the rule was fitted to (H 64; powers of two for lengths, batches and pairs).
Processor time of one thread: unlike the time on the wall it can be compared on a machine that does
something else too.
"""

import time

import torch

from benchmarks.report import Measurement
from benchmarks.s4d_layer import Shape, inputs
from common.kernels.s4d import faster_mode, s4d_apply

CHANNELS = 96
LENGTHS, PAIRS, BATCHES = (96, 400, 1500, 6000, 25000), (6, 12, 24, 48), (2, 5, 20)
LARGEST = 60_000  # batch times length
LOSS_BOUND = 1.1


def measure(rounds: int, threads: int, peer: bool) -> list[Measurement]:
    torch.set_num_threads(1)
    try:
        return _grid(max(5, rounds // 3))
    finally:
        torch.set_num_threads(threads)


def _grid(rounds):
    rows, losses = [], []
    for length in LENGTHS:
        for two_sided in (False, True):
            for pairs in PAIRS:
                for batch in (b for b in BATCHES if b * length <= LARGEST):
                    shape = Shape(batch, length, CHANNELS, pairs)
                    chosen = faster_mode(batch, length, pairs, two_sided)
                    seconds = _best(shape, two_sided, rounds)
                    losses.append(seconds[chosen] / min(seconds.values()))
                    name = f"{shape}{' two-sided' if two_sided else ''}"
                    ratio = seconds["scan"] / seconds["convolution"]
                    rows.append(Measurement(name, f"scan / convolution; auto: {chosen}", ratio))
    name = f"S4D modes, {len(losses)} shapes"
    rows.append(
        Measurement(name, "auto over the better, worst", max(losses), "x", ("<=", LOSS_BOUND))
    )
    return rows


def _best(shape, two_sided, rounds):
    """Least processor seconds, forward and backward, the two in turn."""
    leaves, gradient = inputs(shape)
    keywords = {"reverse_weights": leaves[1]} if two_sided else {}
    best = {}
    for round_ in range(rounds + 1):
        for mode in ("convolution", "scan"):
            start = time.process_time()
            y = s4d_apply(*leaves, mode=mode, **keywords)
            torch.autograd.grad(y, leaves, gradient)
            if round_:
                best[mode] = min(best.get(mode, float("inf")), time.process_time() - start)
    return best
