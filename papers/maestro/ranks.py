"""Cutting a trained network: to a part of each rank, or to what is important (Section 3.4)."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from common.compression.batchnorm import recalibrate
from common.compression.layers import replace
from common.compression.ranks import by_fraction
from papers.maestro.layers import Ordered
from papers.maestro.lod import importance


def ordered_layers(model: nn.Module) -> dict[str, Ordered]:
    """The layers in ordered factors, by name."""
    return {n: m for n, m in model.named_modules() if isinstance(m, Ordered)}


def by_part(layers: Mapping[str, Ordered], part: float) -> dict[str, int]:
    """This part of what is left of each layer, at least 1."""
    return {n: by_fraction(part, layer.rank) if layer.rank else 0 for n, layer in layers.items()}


def by_importance(layers: Mapping[str, Ordered], threshold: float) -> dict[str, int]:
    """Components of at least this importance, one threshold for all layers ("train once, deploy
    everywhere"). In the hierarchical measure importance falls, so that these are the first."""
    return {n: int((importance(layer) >= threshold).sum()) for n, layer in layers.items()}


def by_importance_within(
    layers: Mapping[str, Ordered], costs: Mapping[str, int], allowance: int
) -> dict[str, int]:
    """:func:`by_importance` at the lowest threshold whose components cost at most ``allowance``.

    Args:
        costs: of a component of each layer.
    """
    values = importances(layers)
    low, high = 0, len(values)  # so many components at least, fewer than so many more
    while low < high:
        middle = (low + high + 1) // 2
        found = by_importance(layers, float(values[middle - 1]))
        fits = sum(costs[name] * rank for name, rank in found.items()) <= allowance
        low, high = (middle, high) if fits else (low, middle - 1)
    return by_importance(layers, float(values[low - 1])) if low else dict.fromkeys(layers, 0)


def at_ranks(model: nn.Module, ranks: Mapping[str, int], batches: Iterable[Tensor] = ()):
    """A copy whose ordered layers are plain ones of these ranks, physically cut.

    Args:
        batches: augmented training images; the running statistics of batch norms are those of the
            whole network, and have to be taken anew at every choice of ranks.
    """
    small = copy.deepcopy(model)
    for name, layer in ordered_layers(small).items():
        layer.width = ranks[name]
        replace(small, name, layer.cut().to(layer.left.device))
    recalibrate(small, batches)
    return small.eval()


def importances(layers: Mapping[str, Ordered]) -> Tensor:
    """Of all components that are left, descending: candidates of a threshold."""
    return torch.cat([importance(layer)[layer.kept] for layer in layers.values()]).sort(
        descending=True
    )[0]
