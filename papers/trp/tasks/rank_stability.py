"""T5: when the change since a projection is small, the next one cannot raise the rank."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from common.experiment.context import RunContext, TaskResult
from papers.trp.projection import truncate
from papers.trp.stability import largest_change

SHAPES = ((16, 144), (48, 48), (64, 576), (20, 9))


def run(context: RunContext) -> TaskResult:
    """Random low-rank T and random E, float64, up to the bound and beyond."""
    task = context.config.task
    generator = torch.Generator().manual_seed(context.config.seed)
    metrics: dict[str, float] = {}
    for left_out in task.left_out:
        found = [pair(generator, number, left_out) for number in range(task.pairs)]
        metrics[f"pairs_within_e{left_out:g}"] = sum(within for within, _ in found)
        metrics[f"rises_within_e{left_out:g}"] = sum(within and rose for within, rose in found)
        metrics[f"rises_beyond_e{left_out:g}"] = sum(rose and not within for within, rose in found)
    metrics["rises_within"] = sum(v for k, v in metrics.items() if k.startswith("rises_within"))
    metrics["smallest_pairs"] = min(v for k, v in metrics.items() if k.startswith("pairs_within"))
    return TaskResult(metrics)


def pair(generator: torch.Generator, number: int, left_out: float) -> tuple[bool, bool]:
    """Whether the change met the bound, and whether the rank rose."""
    rows, columns = SHAPES[number % len(SHAPES)]
    rank = int(torch.randint(1, min(rows, columns), (1,), generator=generator))
    low = _normal(generator, rows, rank) @ _normal(generator, rank, columns)
    change = _normal(generator, rows, columns)
    # Two of three within the bound, one of these on it; one e times as large.
    largest = largest_change(float(torch.linalg.vector_norm(low)), left_out)
    sizes = (1.0, float(torch.rand(1, generator=generator)), math.e)
    size = sizes[number % 3] * largest * (1 - 1e-12)
    change *= size / torch.linalg.vector_norm(change)
    return size <= largest, truncate(low + change, left_out).S.shape[-1] > rank


def _normal(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)
