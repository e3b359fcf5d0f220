"""The network in factors, and how much less it computes."""

from __future__ import annotations

import copy
from dataclasses import dataclass

from torch import nn

from common.compression.costs import macs, parameters
from common.compression.forms import ConvForm, dense_macs
from common.compression.layers import replace
from common.compression.ranks import by_energy, by_value
from common.errors import InvalidInputError
from papers.trp.models import projected_layers


@dataclass(frozen=True)
class Cut:
    """A decomposed network.

    Attributes:
        model: a copy, some layers in factors.
        ranks: of the layers that were replaced.
        kept_energy: smallest part of the squared singular values that one of them keeps.
        speedup: multiply-adds of the dense network over those of this one, all layers counted.
        parameters: of the whole network.
    """

    model: nn.Module
    ranks: dict[str, int]
    kept_energy: float
    speedup: float
    parameters: int


def decompose(
    model: nn.Module,
    form: ConvForm,
    *inputs,
    left_out: float | None = None,
    threshold: float | None = None,
    strided: bool = False,
) -> Cut:
    """Factorise the projected layers where that is cheaper.

    Args:
        inputs: of one forward pass, to count multiply-adds.
        left_out: each layer keeps the smallest rank that leaves out at most this energy; or
        threshold: singular values below this are dropped (5e-2 for a network that was trained by
            projection, whose batch norms make the scale of a weight arbitrary).
        strided: also layers of stride 2, which training projects but the authors never replace.

    Raises:
        InvalidInputError: neither or both of the two rules.
    """
    if (left_out is None) == (threshold is None):
        raise InvalidInputError("Give left_out, a part of the energy, or threshold, a value.")
    small = copy.deepcopy(model)
    ranks, kept = {}, 1.0
    for name, layer in projected_layers(small).items():
        if not strided and tuple(layer.stride) != (1, 1):
            continue
        factors = form.factors(layer)
        values = factors.S
        rank = by_energy(values, left_out) if threshold is None else by_value(values, threshold)
        # Not cheaper: dense. Nothing above the threshold: the layer gives its bias.
        if rank * form.unit_macs(layer) >= dense_macs(layer):
            continue
        squares = values.double().square()
        kept = min(kept, float(squares[..., :rank].sum() / squares.sum()))
        replace(small, name, form.build(factors.to_rank(rank), layer))
        ranks[name] = rank
    dense, cut = (sum(macs(m, *inputs).values()) for m in (model, small))
    return Cut(small, ranks, kept, dense / cut, parameters(small))
