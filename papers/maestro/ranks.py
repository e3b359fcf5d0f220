"""Cutting a trained network: to a part of each rank, or to what is important (Section 3.4)."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping

from torch import Tensor, nn

from common.compression.batchnorm import recalibrate
from common.compression.layers import replace
from common.compression.ranks import Candidate, by_budget, by_fraction
from papers.maestro.layers import Ordered
from papers.maestro.lod import importance


def ordered_layers(model: nn.Module) -> dict[str, Ordered]:
    """The layers in ordered factors, by name."""
    return {n: m for n, m in model.named_modules() if isinstance(m, Ordered)}


def by_part(layers: Mapping[str, Ordered], part: float) -> dict[str, int]:
    """This part of what is left of each layer, at least 1."""
    return {n: by_fraction(part, layer.rank) if layer.rank else 0 for n, layer in layers.items()}


def by_importance(
    layers: Mapping[str, Ordered],
    units: Mapping[str, int],
    dense: Mapping[str, int],
    allowance: int,
) -> dict[str, int]:
    """One threshold on the importances of all layers ("train once, deploy everywhere"), the lowest
    whose components cost at most ``allowance``; at least 1 in every layer.

    In the hierarchical measure importance falls, so that the kept components are the first. A layer
    whose components would cost more than itself is multiplied back and keeps them all.

    Args:
        units: cost of a component of each layer.
        dense: cost of each layer without factors.

    Raises:
        InvalidInputError: not even one component everywhere fits.
    """
    candidates = {
        name: Candidate(importance(layer)[layer.kept].tolist(), units[name], dense[name])
        for name, layer in layers.items()
        if layer.rank
    }
    return dict.fromkeys(layers, 0) | by_budget(candidates, allowance)


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
    where = next(small.parameters()).device
    recalibrate(small, (batch.to(where) for batch in batches))
    return small.eval()
