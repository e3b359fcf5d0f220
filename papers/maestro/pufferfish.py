"""Pufferfish (Wang, Agarwal and Papailiopoulos 2021): a fixed part of every rank from the start."""

from __future__ import annotations

from torch import nn

from common.compression.factorised import ChannelConv2d, LowRankLinear
from common.compression.forms import CHANNEL, LINEAR
from common.compression.layers import replace, select
from common.errors import InvalidInputError


def to_fixed_rank(
    model: nn.Module, ratio: float = 0.25, first_dense: int = 1
) -> dict[str, ChannelConv2d | LowRankLinear]:
    """Put layers in factors of a part of their rank, started from their truncated decomposition.

    Args:
        ratio: of the largest rank.
        first_dense: layers from the input that stay; the last one stays too.

    Raises:
        InvalidInputError: nothing is left to factorise, or the ratio is not in (0, 1].
    """
    if not 0 < ratio <= 1:
        raise InvalidInputError(f"ratio={ratio}; allowed: above 0, at most 1.")
    layers = dict(list(select(model, (nn.Linear, nn.Conv2d)).items())[first_dense:-1])
    if not layers:
        raise InvalidInputError(
            f"first_dense={first_dense} leaves no layer to factorise; the last one stays too."
        )
    found = {}
    for name, layer in layers.items():
        form = CHANNEL if isinstance(layer, nn.Conv2d) else LINEAR
        rank = max(1, round(ratio * form.largest_rank(layer)))
        found[name] = form.build(form.factors(layer).to_rank(rank), layer)
        replace(model, name, found[name])
    return found
