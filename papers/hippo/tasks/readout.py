"""Training of a linear read-out by Adam, as the delay and the reconstruction experiment do."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from common.errors import Diverged, InvalidInputError


def train(
    parameters: Iterable[nn.Parameter],
    loss: Callable[[Tensor], Tensor],
    samples: int,
    options,
    track: Callable[[Iterable[int], str], Iterable[int]],
    description: str,
) -> None:
    """``options.steps`` steps of Adam on batches drawn without replacement, pass after pass.

    Args:
        parameters: what is trained.
        loss: of a batch, given the indices of its samples.
        samples: number of training samples.
        options: with lr, cosine (anneal to 0), steps and batch_size.
        track: progress and interruption.
        description: what the progress bar says.

    Raises:
        InvalidInputError: the batch does not fit the training set, or a number is not positive.
        Diverged: the loss is not finite.
    """
    if not 1 <= options.batch_size <= samples or options.steps < 1 or not options.lr > 0:
        raise InvalidInputError(
            f"task.batch_size={options.batch_size} must be in 1 .. task.train_samples={samples}; "
            f"task.steps={options.steps} and task.lr={options.lr} must be positive."
        )
    optimiser = torch.optim.Adam(parameters, lr=options.lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, options.steps)
    last = None
    order = torch.empty(0, dtype=torch.long)
    for step in track(range(options.steps), description):
        if len(order) < options.batch_size:
            order = torch.randperm(samples)
        batch, order = order[: options.batch_size], order[options.batch_size :]
        value = loss(batch)
        if not math.isfinite(value.item()):
            raise Diverged(step, last)
        last = value.item()
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        if options.cosine:
            schedule.step()
