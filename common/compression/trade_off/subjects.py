"""What is compressed: the two checkpoints that every paper shares, and how they are judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from common.compression.language_models import trained_lm
from common.compression.references import trained_resnet
from common.data.image_loader import AugmentingLoader
from common.experiment.context import RunContext
from common.nn.cifar_resnet import WIDTHS, CifarResNet
from common.nn.gpt import GPT, GPTConfig
from common.trainers.image_task import accuracy, calibration_batches
from common.trainers.language_model import MakeOptimiser, Recipe, batch

Batches = Iterable[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Subject:
    """A trained model; cross-entropy of its outputs (b, classes, ...) is what training lowers.

    Attributes:
        model: in evaluation mode, on the run's device.
        exclude: patterns of layers that no method touches.
        calibration: batches of inputs.
        batches: inputs and targets of the training steps.
        make_optimiser: of parameters; None: SGD with momentum.
        judge: accuracy in per cent, or perplexity.
        smaller: the same architecture, untrained, of decreasing width.
        metrics: of the intact model.
        entries: of the record, one a data set.
        notes: what a reader of the figures has to know.
    """

    model: nn.Module
    exclude: tuple[str, ...]
    calibration: list[Tensor]
    batches: Batches
    make_optimiser: MakeOptimiser | None
    judge: Callable[[nn.Module], float]
    smaller: Callable[[], Iterator[nn.Module]]
    metrics: dict[str, float]
    entries: list[dict[str, Any]]
    notes: list[str]


def images(context: RunContext) -> Subject:
    """A trained ResNet for CIFAR-10; the first convolution and the classifier stay as they are."""
    config, start = context.config, trained_resnet(context)
    task, device = config.task, next(start.model.parameters()).device
    train = start.data.train
    loader = AugmentingLoader(
        train, task.batch_size, shuffle=True, seed=config.seed, drop_last=True
    )

    def narrower() -> Iterator[nn.Module]:
        for first in range(WIDTHS[0], 0, -1):
            widths = tuple(first * width // WIDTHS[0] for width in WIDTHS)
            yield CifarResNet(task.weights.depth, widths=widths).to(device)

    calibration = calibration_batches(train, task.calibration, task.batch_size, config.seed)
    return Subject(
        model=start.model,
        exclude=("conv1", "linear"),
        calibration=[part.to(device) for part in calibration],
        batches=Epochs(loader, device),
        make_optimiser=None,
        judge=lambda model: accuracy(model, start.data.test),
        smaller=narrower,
        metrics={},
        entries=start.entries,
        notes=list(start.data.notes),
    )


def language_model(context: RunContext) -> Subject:
    """A trained GPT; its embeddings, to which the head is tied, stay as they are."""
    config, start = context.config, trained_lm(context)
    task, shape = config.task, start.model.config
    recipe = Recipe(task.steps, task.batch_size, start.context, task.lr, seed=config.seed)

    def narrower() -> Iterator[nn.Module]:
        for width in range(shape.width, shape.heads - 1, -shape.heads):
            smaller = {**vars(shape), "width": width}
            yield ClassesFirst(GPT(GPTConfig(**smaller))).to(start.device)

    return Subject(
        model=ClassesFirst(start.model).eval(),
        exclude=(),
        calibration=start.calibration(task.calibration, config.seed),
        batches=[
            tuple(part.to(start.device) for part in batch(start.corpus.train, recipe, step))
            for step in range(task.steps)
        ],
        make_optimiser=partial(torch.optim.AdamW, betas=recipe.betas, weight_decay=0.0),
        judge=lambda model: start.perplexity(model.model, task.judged_tokens),
        smaller=narrower,
        metrics=start.gate,
        entries=start.entries,
        notes=start.notes,
    )


class ClassesFirst(nn.Module):
    """A language model with its logits where cross-entropy looks for classes."""

    def __init__(self, model: GPT):
        super().__init__()
        self.model = model

    def forward(self, tokens: Int[Tensor, "b t"]) -> Float[Tensor, "b v t"]:
        return self.model(tokens).mT


class Epochs:
    """Inputs and targets of a loader, each pass in the order and with the cuts of its epoch."""

    def __init__(self, loader: AugmentingLoader, device: torch.device):
        self.loader, self.device, self.epoch = loader, device, 0

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        self.loader.set_epoch(self.epoch)
        self.epoch += 1
        for inputs, _, targets in self.loader:
            yield inputs.to(self.device), targets.to(self.device)
