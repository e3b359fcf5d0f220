"""A network trained by others, on images that are shifted: only its convolutions are adapted.

Head, statistics and scales of the batch normalisations stay; Adam, a short rise of the rate and a
linear fall; no augmentation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from omegaconf import OmegaConf
from torch import Tensor, nn
from torch.nn import functional as F

from common.data.catalogue import load
from common.errors import Diverged, InvalidInputError
from common.experiment.context import RunContext, data_entry
from common.experiment.machine import device
from common.nn.cifar_resnet import CifarResNet
from papers.flora.shifts import SHIFTS


@dataclass(frozen=True)
class Shifted:
    """A network and shifted images, normalised as it was trained.

    Attributes:
        model: in evaluation mode.
        layers: names of the convolutions of its blocks.
        train: inputs and targets.
        held_out: of training images apart.
        test: see ``train``.
        entries: data for the record.
    """

    model: CifarResNet
    layers: tuple[str, ...]
    train: tuple[Float[Tensor, "n c h w"], Int64[Tensor, " n"]]
    held_out: tuple[Float[Tensor, "n c h w"], Int64[Tensor, " n"]]
    test: tuple[Float[Tensor, "n c h w"], Int64[Tensor, " n"]]
    entries: list[dict]

    def weights(self) -> dict[str, Tensor]:
        """Copies of the convolutions' weights by name."""
        return {n: self.model.get_submodule(n).weight.detach().clone() for n in self.layers}


def shifted(context: RunContext) -> Shifted:
    """Load the network and the images.

    Raises:
        InvalidInputError: there is no such shift.
        MissingDataError: the images or the weights are not to be had.
    """
    task = context.config.task
    if task.shift not in SHIFTS:
        raise InvalidInputError(f"task.shift={task.shift!r}; allowed: {', '.join(SHIFTS)}.")
    where = device(context.config.trainer)
    data = load(OmegaConf.to_object(task.dataset), context.data)
    weights = load(OmegaConf.to_object(task.weights), context.data)
    model = CifarResNet(task.weights.depth)
    model.load_state_dict(weights.state)
    shift = SHIFTS[task.shift]

    def ready(split) -> tuple[Tensor, Tensor]:
        return split.pixel_scale(shift(split.inputs)).to(where), split.targets.to(where)

    inputs, targets = ready(data.train)
    trained = len(targets) - task.held_out
    if trained < 1 or task.held_out < 1:
        raise InvalidInputError(
            f"task.held_out={task.held_out} of {len(targets)} training images; allowed: 1 to "
            f"{len(targets) - 1}."
        )
    names = [name for name, m in model.named_modules() if isinstance(m, nn.Conv2d)]
    return Shifted(
        model.to(where).eval(),
        tuple(name for name in names if name != "conv1"),
        (inputs[:trained], targets[:trained]),
        (inputs[trained:], targets[trained:]),
        ready(data.test),
        [data_entry(data), data_entry(weights)],
    )


def train(
    model: nn.Module,
    start: Shifted,
    task,
    seed: int,
    *,
    after: Callable[[int], None] = lambda step: None,
    between: Callable[[], None] = lambda: None,
) -> list[float]:
    """Train what asks for a gradient; the loss of every step.

    Args:
        after: called with the number of steps taken.
        between: called before each step; may raise to stop.

    Raises:
        Diverged: the loss is not finite.
        InvalidInputError: there is no step, or no rise of the rate.
    """
    if task.steps < 1 or task.warmup < 1:
        raise InvalidInputError(
            f"task.steps={task.steps}, task.warmup={task.warmup}; allowed: 1 or more of both."
        )
    trained = [p for p in model.parameters() if p.requires_grad]
    if not trained:
        return []
    optimiser = torch.optim.Adam(trained, task.lr)
    generator = torch.Generator().manual_seed(seed)
    inputs, targets = start.train
    order = torch.cat(
        [
            torch.randperm(len(targets), generator=generator)
            for _ in range(-(-task.steps * task.batch_size // len(targets)))
        ]
    )
    losses: list[float] = []
    for step in range(task.steps):
        between()
        rise = min(1.0, (step + 1) / task.warmup)
        fall = (task.steps - step) / max(1, task.steps - task.warmup)
        for group in optimiser.param_groups:
            group["lr"] = task.lr * min(rise, fall)
        rows = order[step * task.batch_size : (step + 1) * task.batch_size].to(targets.device)
        loss = F.cross_entropy(model(inputs[rows]), targets[rows])
        if not loss.isfinite():
            raise Diverged(step, losses[-1] if losses else None)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
        after(step + 1)
    return losses


@torch.no_grad()
def accuracy(model: nn.Module, images: tuple[Tensor, Tensor]) -> float:
    """Per cent."""
    right = 0
    for inputs, targets in zip(images[0].split(250), images[1].split(250), strict=True):
        right += int((model(inputs).argmax(1) == targets).sum())
    return 100 * right / len(images[1])
