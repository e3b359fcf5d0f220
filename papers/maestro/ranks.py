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
from papers.maestro.lod import decompose, importance


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


def truncate_svd(model: nn.Module, ranks: Mapping[str, int], batches: Iterable[Tensor] = ()):
    """The control: a dense network whose layers are cut by their singular value decomposition."""
    small = copy.deepcopy(model)
    decompose(small, include=list(ranks))
    return at_ranks(small, ranks, batches)


def importances(layers: Mapping[str, Ordered]) -> Tensor:
    """Of all components that are left, descending: candidates of a threshold."""
    return torch.cat([importance(layer)[layer.kept] for layer in layers.values()]).sort(
        descending=True
    )[0]
