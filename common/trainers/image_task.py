"""Train a network on images as the configuration says."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch
from omegaconf import DictConfig
from torch import Tensor, nn

from common.data.image_loader import AugmentingLoader
from common.data.labelled_images import ImageData
from common.data.loader import SequenceLoader
from common.data.sequence import SequenceSplit
from common.errors import InvalidInputError
from common.experiment import processes
from common.experiment.context import RunContext
from common.trainers import rates
from common.trainers.fit import FitResult, fit
from common.trainers.image_module import ImageModule, Optimiser
from common.trainers.schedules import Schedule


def train(
    context: RunContext,
    model: nn.Module,
    data: ImageData,
    module: type[ImageModule] = ImageModule,
    **method,
) -> FitResult:
    """Train ``model`` in place, to the last step; the scores are those of the test set after each
    epoch, and no epoch is chosen by them.

    Args:
        module: what does a step; ``method`` is passed on to it.
    """
    model.train()  # Lightning leaves each module in the mode in which it comes
    config = context.config
    loader = train_loader(config, data.train)
    total = steps(config, loader)
    built = module(model, optimiser(config.optimizer), schedule(config.optimizer, total), **method)
    test = test_loader(config, data.test)
    return fit(context, built, loader, test, test, epochs=config.train.epochs, score_test=False)


def within(context: RunContext, name: str) -> RunContext:
    """The same run, with a folder of its own for one of several trainings."""
    folder = context.folder / name
    folder.mkdir(exist_ok=True)
    return replace(context, folder=folder)


def steps(config: DictConfig, loader: SequenceLoader) -> int:
    """Of the whole training."""
    whole = config.train.epochs * len(loader)
    return whole if config.trainer.max_steps < 0 else min(whole, config.trainer.max_steps)


def optimiser(config: DictConfig) -> Optimiser:
    """Raises InvalidInputError for a name that is none."""
    common = {"lr": config.lr, "weight_decay": config.weight_decay}
    if config.name == "sgd":
        return partial(torch.optim.SGD, momentum=config.momentum, **common)
    if config.name == "adam":
        return partial(torch.optim.Adam, **common)
    raise InvalidInputError(f"optimizer.name={config.name!r}; allowed: sgd, adam.")


def schedule(config: DictConfig, total: int) -> Schedule:
    """Raises InvalidInputError for a name that is none."""
    schedules = {
        "constant": rates.constant,
        "linear": partial(rates.linear_to_zero, total),
        "steps": partial(rates.step_decay, total, list(config.milestones)),
    }
    if config.schedule not in schedules:
        allowed = ", ".join(schedules)
        raise InvalidInputError(f"optimizer.schedule={config.schedule!r}; allowed: {allowed}.")
    return schedules[config.schedule]()


def train_loader(config: DictConfig, split: SequenceSplit) -> SequenceLoader:
    """Shuffled whole batches, augmented where the configuration says so."""
    kind = AugmentingLoader if config.train.augment else SequenceLoader
    return kind(
        split,
        config.train.batch_size,
        shuffle=True,
        seed=config.seed,
        drop_last=True,
        rank=processes.rank(),
        world_size=config.trainer.devices,
    )


def test_loader(config: DictConfig, split: SequenceSplit) -> SequenceLoader:
    """Every image once, in order."""
    return SequenceLoader(
        split,
        config.train.eval_batch_size,
        shuffle=False,
        seed=0,
        drop_last=False,
        rank=processes.rank(),
        world_size=config.trainer.devices,
    )


@torch.no_grad()
def accuracy(model: nn.Module, split: SequenceSplit, batch_size: int = 250) -> float:
    """Per cent of a split, in evaluation mode, on the model's device."""
    device = next(model.parameters()).device
    training = model.training
    model.eval()
    right = 0
    for start in range(0, len(split), batch_size):
        part = slice(start, start + batch_size)
        outputs = model(split.pixel_scale(split.inputs[part].to(device)))
        right += int((outputs.argmax(-1).cpu() == split.targets[part]).sum())
    model.train(training)
    return 100 * right / len(split)


def calibration_batches(
    split: SequenceSplit, images: int, batch_size: int, seed: int
) -> list[Tensor]:
    """Augmented training images, the first of a seeded order."""
    loader = AugmentingLoader(split, batch_size, shuffle=True, seed=seed, drop_last=False)
    batches = iter(loader)
    return [next(batches)[0] for _ in range(-(-images // batch_size))]
