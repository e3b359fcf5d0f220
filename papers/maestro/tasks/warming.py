"""The first epochs of a training, of the dense network, before its factors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from omegaconf import open_dict
from torch import nn

from common.data.labelled_images import ImageData
from common.errors import InvalidInputError
from common.experiment.context import RunContext
from common.trainers.image_module import ImageModule
from common.trainers.image_task import train, within


def check_warm_up(context: RunContext) -> None:
    """Before anything is trained.

    Raises:
        InvalidInputError: the first epochs leave none, or reach into the decay of the rate.
    """
    config = context.config
    first, total, optimizer = config.task.warmup_epochs, config.train.epochs, config.optimizer
    if first == 0:
        return
    constant = min(optimizer.milestones) if optimizer.schedule == "steps" else 1.0
    if not 0 < first < total * constant or optimizer.schedule == "linear":
        raise InvalidInputError(
            f"task.warmup_epochs={first} with optimizer.schedule={optimizer.schedule}; allowed: 0, "
            f"and fewer than train.epochs={total} and than the epochs at the first rate."
        )


def warm_up(
    context: RunContext, model: nn.Module, data: ImageData, module: type[ImageModule]
) -> tuple[RunContext, int]:
    """The first epochs, and what is left of the training.

    Returns:
        The context of the rest, and the steps taken.
    """
    config = context.config
    first, total = config.task.warmup_epochs, config.train.epochs
    if not first:
        return context, 0
    early, late = config.copy(), config.copy()
    with open_dict(early), open_dict(late):
        early.train.epochs, late.train.epochs = first, total - first
        early.optimizer.schedule = "constant"
        late.optimizer.milestones = later(config.optimizer.milestones, first, total)
    warmed = train(replace(within(context, "warm_up"), config=early), model, data, module)
    return replace(context, config=late), warmed.steps


def later(milestones: Sequence[float], first: int, total: int) -> list[float]:
    """Parts of the epochs after the first ones, at the same epochs as these parts of the whole."""
    return [(part * total - first) / (total - first) for part in milestones]
