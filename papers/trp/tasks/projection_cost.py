"""T8: what projecting costs, in CPU time of whole training steps and of single decompositions."""

from __future__ import annotations

import time
from itertools import islice
from statistics import median

import torch
from torch.nn import functional as F

from common.compression.forms import FORMS
from common.compression.references import Start, trained_resnet
from common.compression.truncation import svd
from common.experiment.context import RunContext, TaskResult
from common.trainers.image_task import optimiser, train_loader
from papers.trp.models import RankPruner, projected_layers
from papers.trp.projection import truncate


def run(context: RunContext) -> TaskResult:
    """CPU time of the same steps at each period over that without projection: medians over rounds
    in which the trainings take turns, each round beginning with another."""
    task, start = context.config.task, trained_resnet(context)
    periods = {f"m{period}": (period, 0.0) for period in task.periods}
    periods[f"m{task.periods[0]}_nuclear"] = (task.periods[0], task.nuclear)
    contestants = {"plain": (0, 0.0)} | periods
    names = list(contestants)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    training_seconds(context, start, 1, task.nuclear, steps=2)  # what is done once is not timed
    for number in context.track(range(task.rounds), "rounds"):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            seconds[name].append(training_seconds(context, start, *contestants[name]))
    metrics = {f"seconds_{name}": median(times) for name, times in seconds.items()}
    for name in periods:
        ratios = [own / plain for own, plain in zip(seconds[name], seconds["plain"], strict=True)]
        metrics[f"ratio_{name}"] = median(ratios)
    metrics |= decomposition_times()
    return TaskResult(metrics, start.entries)


def training_seconds(
    context: RunContext, start: Start, period: int, nuclear: float, steps: int | None = None
) -> float:
    """CPU time of ``steps``, by default ``trainer.max_steps``, or of one epoch if that is less; the
    batches are made before, and with period 0 nothing is projected."""
    config, model = context.config, start.copy().train()
    settings = config.task.projection
    pruner = RankPruner(
        projected_layers(model),
        FORMS[settings.form],
        left_out=settings.left_out,
        period=max(1, period),
        nuclear=nuclear,
    )
    update = optimiser(config.optimizer)(model.parameters())
    most = config.trainer.max_steps if steps is None else steps
    made = list(islice(train_loader(config, start.data.train), None if most < 0 else most))
    begin = time.process_time()
    for step, (images, _, labels) in enumerate(made):
        context.stop.raise_if_set()
        if period:
            pruner.before_step(step)
        update.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        pruner.before_update()
        update.step()
    return time.process_time() - begin


def decomposition_times() -> dict[str, float]:
    """Gram matrix against full decomposition of a 512 x 4608 matrix: time, and the projections'
    largest difference over the largest entry."""
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(512, 4608, generator=generator) / 4608**0.5

    def timed(call) -> tuple[float, torch.Tensor]:
        begin = time.perf_counter()
        found = call()
        return time.perf_counter() - begin, found

    fast, (U, S, Vh) = timed(lambda: truncate(matrix, 0.1))
    slow, factors = timed(lambda: svd(matrix))
    cut = factors.to_rank(len(S)).product()
    return {
        "gram_seconds": fast,
        "svd_seconds": slow,
        "gram_speedup": slow / fast,
        "gram_difference": float(((U * S) @ Vh - cut).abs().max() / cut.abs().max()),
    }
