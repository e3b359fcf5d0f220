"""R6: which spectra suit RandLoRA, which LoRA; R4: the best fit with a shared and a separate A."""

from __future__ import annotations

import torch

from common.experiment.context import RunContext, TaskResult
from papers.randlora.bases import Bases, Law, number_of_bases
from papers.randlora.fits import best_fit, low_rank_error
from papers.randlora.targets import planted


def run(context: RunContext) -> TaskResult:
    """Relative squared errors of the best fit to P diag(i^-a) Q^T: ``randlora_0.25`` at a = .25,
    ``lora_0.25`` of a LoRA with no more numbers; ``separate_0.0`` with an A for every basis;
    ``crossing``: the a at which both errors are equal, between the grid's points."""
    task, seed = context.config.task, context.config.seed
    number = number_of_bases(task.size, task.rank)
    metrics: dict[str, float] = {}
    gaps = []
    for decay in context.track(task.decays, "spectra"):
        target = planted(task.size, decay, torch.Generator().manual_seed(seed))
        shared, separate = (
            Bases(task.size, task.size, task.rank, number, Law(task.basis), seed, separate=own)
            for own in (False, True)
        )
        metrics[f"randlora_{decay}"] = best_fit(shared, target, task.rounds).error(target)
        metrics[f"lora_{decay}"] = low_rank_error(target, task.lora_rank)
        gaps.append(metrics[f"lora_{decay}"] - metrics[f"randlora_{decay}"])
        if decay == 0:
            metrics["separate_0.0"] = best_fit(separate, target, task.rounds).error(target)
    metrics["crossing"] = crossing(list(task.decays), gaps)
    return TaskResult(metrics)


def crossing(points: list[float], gaps: list[float]) -> float:
    """Where the gap falls through zero, on the line between two points; the last if it does not."""
    for (a, gap), (b, after) in zip(
        zip(points, gaps, strict=True), zip(points[1:], gaps[1:], strict=True), strict=False
    ):
        if gap >= 0 > after:
            return a + (b - a) * gap / (gap - after)
    return points[-1]
