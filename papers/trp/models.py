"""Trained rank pruning: project onto low rank every m steps, descend in between.

    t mod m = 0:  T = D(W; e),  W <- T - a (grad f(T) + lambda U V^T)
    else:                       W <- W - a grad f(W)

The projection overwrites the weight BEFORE the step, so that the gradient is taken at T
(Section 3.2). U V^T comes from the same decomposition and is added only in these steps
(Section 3.3), before the optimiser sees the gradient, so that its momentum does too.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from common.compression.forms import ConvForm
from common.errors import InvalidInputError
from common.trainers.image_module import ImageModule
from papers.trp.projection import Projection, project
from papers.trp.stability import Stability


def projected_layers(model: nn.Module) -> dict[str, nn.Conv2d]:
    """Every convolution whose kernel is not 1 x 1, but the first; never the linear layer."""
    convolutions = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.Conv2d) and tuple(module.kernel_size) != (1, 1)
    }
    return dict(list(convolutions.items())[1:])


class RankPruner:
    """Projects layers in place every ``period`` steps, and adds the nuclear sub-gradient.

    Use it in any loop: ``before_step(t)`` first, then the loss at the weights as they are now, then
    ``before_update()`` once the gradients are there, then the optimiser.

    Args:
        layers: convolutions by name.
        form: how a weight becomes a matrix.
        left_out: e, the part of the energy that each projection may remove.
        period: m, steps from one projection to the next.
        nuclear: lambda.
        overwrite: False leaves the weights and only penalises (the variant "Nu"); the factors of
            the sub-gradient are truncated all the same.

    Raises:
        InvalidInputError: a setting is out of range.
    """

    def __init__(
        self,
        layers: dict[str, nn.Conv2d],
        form: ConvForm,
        *,
        left_out: float,
        period: int,
        nuclear: float = 0.0,
        overwrite: bool = True,
    ):
        if period < 1 or not 0 <= left_out < 1 or nuclear < 0:
            raise InvalidInputError(
                f"period={period}, left_out={left_out}, nuclear={nuclear}; allowed: a period of 1 "
                "or more, left_out in [0, 1), nuclear of 0 or more."
            )
        self.layers, self.form = layers, form
        self.left_out, self.period, self.nuclear = left_out, period, nuclear
        self.overwrite = overwrite
        self.stability = Stability(left_out)
        self._due: dict[str, Projection] = {}

    @torch.no_grad()
    def before_step(self, step: int) -> dict[str, Projection]:
        """Project where it is time; what was projected."""
        self._due = {}
        if step % self.period:
            return {}
        for name, layer in self.layers.items():
            found = project(layer.weight, self.form, self.left_out)
            if self.overwrite:
                self.stability.see(name, layer.weight, found)
                layer.weight.copy_(found.weight())
            self._due[name] = found
        return self._due

    @torch.no_grad()
    def before_update(self) -> None:
        """Add lambda U V^T to the gradients of the layers that were projected in this step."""
        if self.nuclear == 0:
            return
        for name, found in self._due.items():
            self.layers[name].weight.grad.add_(found.subgradient(), alpha=self.nuclear)


class TrainedRankPruning(ImageModule):
    """Trains an image network with a :class:`RankPruner` around each step."""

    def __init__(self, model: nn.Module, *training, pruner: RankPruner):
        super().__init__(model, *training)
        self.pruner = pruner

    def on_train_batch_start(self, batch, batch_idx: int) -> None:
        self.pruner.before_step(self.global_step)

    def on_before_optimizer_step(self, optimizer) -> None:
        self.pruner.before_update()

    def on_save_checkpoint(self, checkpoint: dict) -> None:
        checkpoint["stability"] = self.pruner.stability.state_dict()

    def on_load_checkpoint(self, checkpoint: dict) -> None:
        self.pruner.stability.load_state_dict(checkpoint["stability"])


def rank_sum(layers: Iterable[nn.Conv2d], form: ConvForm, left_out: float) -> int:
    """Ranks of the weights as they are, added."""
    return sum(project(layer.weight, form, left_out).rank for layer in layers)
