"""A plain training loop for methods that train, for use outside a run of this repository."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from common.errors import Diverged, InvalidInputError
from common.trainers.language_model import MakeOptimiser


@dataclass
class Tuning:
    """Steps of SGD with momentum, the rate falling linearly to 0.

    Attributes:
        batches: of (inputs, targets), gone through again when they end.
        steps: optimiser steps.
        lr: the first rate.
        momentum: of SGD.
        weight_decay: added to the gradient.
        loss: of outputs and targets.
        make_optimiser: of the parameters that are trained, in place of SGD; its rate is set anew
            before each step.
    """

    batches: Iterable[tuple[Tensor, Tensor]]
    steps: int = 100
    lr: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 1e-4
    loss: Callable[[Tensor, Tensor], Tensor] = field(default=F.cross_entropy)
    make_optimiser: MakeOptimiser | None = None


def tune(
    model: nn.Module,
    tuning: Tuning,
    *,
    before_step: Callable[[int], None] = lambda step: None,
    before_update: Callable[[], None] = lambda: None,
    objective: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> None:
    """Train ``model`` in place, in training mode; it is left in evaluation mode.

    Args:
        before_step: called with the number of the step, before its loss.
        before_update: called once the gradients are there.
        objective: of inputs and targets, in place of ``loss(model(inputs), targets)``.

    Raises:
        InvalidInputError: there is no batch.
        Diverged: the loss is not finite.
    """
    trained = [p for p in model.parameters() if p.requires_grad]
    if tuning.make_optimiser is None:
        decay, momentum = tuning.weight_decay, tuning.momentum
        update = torch.optim.SGD(trained, tuning.lr, momentum, weight_decay=decay)
    else:
        update = tuning.make_optimiser(trained)
    model.train()
    last = None
    for step, (inputs, targets) in enumerate(
        itertools.islice(_cycle(tuning.batches), tuning.steps)
    ):
        for group in update.param_groups:
            group["lr"] = tuning.lr * (1 - step / tuning.steps)
        before_step(step)
        update.zero_grad()
        if objective is None:
            loss = tuning.loss(model(inputs), targets)
        else:
            loss = objective(inputs, targets)
        if not math.isfinite(float(loss.detach())):
            raise Diverged(step, last)
        last = float(loss.detach())
        loss.backward()
        before_update()
        update.step()
    model.eval()


def _cycle(batches: Iterable[tuple[Tensor, Tensor]]):
    while True:
        empty = True
        for batch in batches:
            empty = False
            yield batch
        if empty:
            raise InvalidInputError(
                "The batches to train on are empty, or an iterator that has run out; give a list "
                "or a loader."
            )
