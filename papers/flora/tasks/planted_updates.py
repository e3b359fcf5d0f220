"""F4: updates with planted ranks are represented exactly, by LoRA they are not; F5: a random tensor
has no small core; F14: without locality the advantage is gone."""

from __future__ import annotations

import math

import torch

from common.experiment.context import RunContext, TaskResult
from common.kernels.multilinear import hosvd, tucker
from papers.flora.readings import (
    core_error,
    core_numbers,
    least_rank,
    matrix_error,
    permuted_taps,
)

CASES = {"4411": (4, 4, 1, 1), "4422": (4, 4, 2, 2), "8833": (8, 8, 3, 3)}


def run(context: RunContext) -> TaskResult:
    """Relative squared errors, mean over draws. ``hosvd_<case>`` of the planted ranks;
    ``view_<case>`` and ``peft_<case>``: LoRA of the smallest rank with at least as many numbers, in
    the two readings; ``permuted_<case>``: of a core of the planted ranks, taps in a random order.
    ``gaussian_*``: of a tensor without structure."""
    task = context.config.task
    generator = torch.Generator().manual_seed(context.config.seed)
    shape = (task.channels, task.channels, 3, 3)
    found: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        found.setdefault(name, []).append(value)

    for draw in context.track(range(task.draws), "draws"):
        for case, ranks in CASES.items():
            weight = planted(shape, ranks, generator)
            core, factors = hosvd(weight, ranks)
            error = (tucker(core, factors) - weight).square().sum() / weight.square().sum()
            note(f"hosvd_{case}", float(error))
            numbers = core_numbers(shape, ranks)
            for reading in ("view", "peft"):
                rank = least_rank(shape, reading, numbers)
                note(f"{reading}_{case}", matrix_error(weight, reading, rank))
            moved = permuted_taps(weight, draw)
            note(f"permuted_{case}", core_error(moved, ranks))
            rank = least_rank(shape, "peft", numbers)
            changed = matrix_error(moved, "peft", rank) - matrix_error(weight, "peft", rank)
            note("peft_moved", abs(changed))
        plain = torch.randn(shape, generator=generator, dtype=torch.float64)
        half = task.channels // 2
        note("gaussian_core", core_error(plain, (half, half, 2, 2)))
        note("gaussian_peft", matrix_error(plain, "peft", 6))
        note("gaussian_view", matrix_error(plain, "view", 4))
    metrics = {name: sum(values) / len(values) for name, values in found.items()}
    metrics["peft_moved"] = max(found["peft_moved"])
    for case, ranks in CASES.items():
        metrics[f"numbers_{case}"] = core_numbers(shape, ranks)
    return TaskResult(metrics)


def planted(shape: tuple[int, ...], ranks: tuple[int, ...], generator: torch.Generator):
    """A Gaussian core and orthonormal factors, of unit norm in the mean."""
    core = torch.randn(ranks, generator=generator, dtype=torch.float64) / math.sqrt(
        math.prod(ranks)
    )
    factors = [
        torch.linalg.qr(torch.randn(d, r, generator=generator, dtype=torch.float64)).Q
        for d, r in zip(shape, ranks, strict=True)
    ]
    return tucker(core, factors)
