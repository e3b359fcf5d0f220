"""Multiply-adds of the forward passes of a training step, in closed form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from common.compression.costs import macs
from papers.maestro.layers import Ordered


@dataclass(frozen=True)
class StepCost:
    """What a step of a training costs at given ranks, for one image.

    Attributes:
        units: multiply-adds of one component of each ordered layer.
        rest: of all that is not in ordered factors.
        sampling: ``one_layer``, ``across_layers`` or ``none``.
        full_pass: whether a narrow pass has a full one beside it.
    """

    units: Sequence[int]
    rest: int
    sampling: str
    full_pass: bool

    @classmethod
    def of(
        cls,
        model: nn.Module,
        layers: Mapping[str, Ordered],
        image: Tensor,
        sampling: str,
        full_pass: bool,
    ) -> StepCost:
        """Of a model whose layers have components left."""
        counted = macs(model, image)
        units = [counted[name] // layer.rank for name, layer in layers.items()]
        inside = sum(counted[name] for name in layers)
        return cls(units, sum(counted.values()) - inside, sampling, full_pass)

    def at(self, ranks: Sequence[int]) -> float:
        """On average over what is sampled: with ``one_layer`` every pair of a layer and a width
        comes equally often, with ``across_layers`` every width of every layer."""
        full = self.rest + sum(unit * rank for unit, rank in zip(self.units, ranks, strict=True))
        # A layer of rank r that is cut to b saves r - b components, (r - 1)/2 on average.
        saved = [unit * (rank - 1) / 2 for unit, rank in zip(self.units, ranks, strict=True)]
        if self.sampling == "none":
            return full
        if self.sampling == "across_layers":
            narrow = full - sum(max(0, part) for part in saved)
        else:
            pairs = sum(ranks)
            weighted = sum(part * rank for part, rank in zip(saved, ranks, strict=True))
            narrow = full - (weighted / pairs if pairs else 0)
        return narrow + full if self.full_pass else narrow

    def mean(self, ranks_of_epochs: Sequence[Sequence[int]]) -> float:
        """Over epochs of equally many steps."""
        return sum(map(self.at, ranks_of_epochs)) / len(ranks_of_epochs)
