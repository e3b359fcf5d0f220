"""Maestro: a network whose layers stay in factors, trained so that any prefix of them works.

A step of low-rank ordered decomposition (Section 3.2, with the authors' two passes):

    full    = h(x; U^1 V^1^T, ..., U^d V^d^T)
    partial = h(x; ..., U^i_{:b} V^i_{:b}^T, ...)          one layer i cut to a rank b
    loss    = CE(full, y) + CE(partial, softmax(full), detached) + lambda R

R pushes the last components to zero first; those that are small enough are dropped after an epoch.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from common.errors import InvalidInputError
from common.trainers.image_module import ImageModule
from papers.maestro.layers import Ordered
from papers.maestro.lod import AcrossLayers, OneLayer, at_widths, penalty, shrink

SAMPLERS = {"one_layer": OneLayer, "across_layers": AcrossLayers}


class OrderedDecomposition:
    """The objective, for any loop, and what happens after an epoch.

    Attributes:
        ranks_of_epochs: components that are left at the start of each epoch but the first, kept by
            the loop.

    Args:
        model: in ordered factors (``papers.maestro.lod.decompose``).
        layers: its ordered layers.
        sampling: ``one_layer`` (the method), ``across_layers`` (a rank for every layer), or
            ``none``: factors without ordered dropout.
        group_lasso: lambda.
        hierarchical: sum norms of suffixes, else of columns.
        full_pass: False leaves it out; the narrow pass then has the labels.
        least: components of an importance below are dropped after an epoch; 0 keeps all.
        seed: of the sampling.

    Raises:
        InvalidInputError: a setting is out of range.
    """

    def __init__(
        self,
        model: nn.Module,
        layers: Iterable[Ordered],
        *,
        sampling: str = "one_layer",
        group_lasso: float = 0.0,
        hierarchical: bool = True,
        full_pass: bool = True,
        least: float = 0.0,
        seed: int = 0,
    ):
        if sampling not in (*SAMPLERS, "none"):
            raise InvalidInputError(f"sampling={sampling!r}; allowed: {', '.join(SAMPLERS)}, none.")
        if group_lasso < 0 or least < 0:
            raise InvalidInputError(
                f"group_lasso={group_lasso}, least={least}; allowed: 0 or more."
            )
        self.model, self.layers = model, tuple(layers)
        self.group_lasso, self.hierarchical = group_lasso, hierarchical
        self.full_pass, self.least = full_pass, least
        self.generator = torch.Generator().manual_seed(seed)
        self.ranks_of_epochs: list[list[int]] = []
        self.sampler = (
            None if sampling == "none" else SAMPLERS[sampling](self.layers, self.generator)
        )

    def __call__(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """What a step descends."""
        if self.sampler is None:
            loss = F.cross_entropy(self.model(inputs), labels)
        elif self.full_pass:
            full = self.model(inputs)
            with at_widths(self.sampler()):
                partial = self.model(inputs)
            # Summed, not averaged: the full pass keeps the rate it would have alone.
            loss = F.cross_entropy(full, labels)
            loss = loss + F.cross_entropy(partial, full.detach().softmax(-1))
        else:
            with at_widths(self.sampler()):
                loss = F.cross_entropy(self.model(inputs), labels)
        if self.group_lasso:
            loss = loss + self.group_lasso * penalty(self.layers, hierarchical=self.hierarchical)
        return loss

    def after_epoch(self) -> int:
        """Drop what has become unimportant; returns how many components."""
        if self.least == 0:
            return 0
        dropped = shrink(self.layers, self.least, hierarchical=self.hierarchical)
        if dropped and self.sampler is not None:
            self.sampler.rebuild()
        return dropped

    def ranks(self) -> list[int]:
        """Components that are left, layer by layer."""
        return [layer.rank for layer in self.layers]

    def state_dict(self) -> dict:
        """What a checkpoint needs beside the model: where the sampling is, and what was left."""
        pairs = getattr(self.sampler, "left", [])
        return {
            "generator": self.generator.get_state(),
            "left": [list(pair) for pair in pairs],
            "ranks_of_epochs": [list(ranks) for ranks in self.ranks_of_epochs],
        }

    def load_state_dict(self, state: dict) -> None:
        """Go on from there."""
        self.generator.set_state(state["generator"])
        self.ranks_of_epochs = [list(ranks) for ranks in state["ranks_of_epochs"]]
        if isinstance(self.sampler, OneLayer):
            self.sampler.left = [tuple(pair) for pair in state["left"]]


class MaestroModule(ImageModule):
    """Trains an image network by ordered decomposition.

    Components are dropped at the start of the next epoch, when the checkpoint of the one before is
    written: a resumed training drops the same.
    """

    def __init__(self, model: nn.Module, *training, method: OrderedDecomposition):
        super().__init__(model, *training)
        self.method = method

    def objective(self, images: Tensor, labels: Tensor) -> Tensor:
        return self.method(images, labels)

    def on_train_epoch_start(self) -> None:
        super().on_train_epoch_start()
        if self.current_epoch > len(self.method.ranks_of_epochs):
            self.method.after_epoch()
            self.method.ranks_of_epochs.append(self.method.ranks())

    def on_save_checkpoint(self, checkpoint: dict) -> None:
        checkpoint["method"] = self.method.state_dict()

    def on_load_checkpoint(self, checkpoint: dict) -> None:
        self.method.load_state_dict(checkpoint["method"])
