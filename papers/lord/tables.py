"""One rank for each type of layer, under a budget of parameters."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from common.compression.ranks import to_grid
from common.errors import InvalidInputError
from papers.lord.models import Decomposition
from papers.lord.sensitivity import by_kind


def rank_per_kind(parts: Mapping[str, Decomposition], saved: int, grid: int) -> dict[str, int]:
    """Ranks that save so many parameters while each type leaves out the same part of its energy.

    Types with more slack are cut further, as the final models of the paper are, by a rule in place
    of its study of sensitivity (``papers.lord.sensitivity``). A type whose factors would have as
    many parameters as its matrix stays dense.

    Args:
        parts: decomposed layers of a GPT, by name.
        saved: parameters of the weights.
        grid: ranks are multiples of it.

    Returns:
        Rank of each layer that is to be factorised.

    Raises:
        InvalidInputError: no ranks save so many.
    """
    kinds = by_kind(parts)

    def at(left_out: float) -> dict[str, int]:
        found = {}
        for names in kinds.values():
            layer = parts[names[0]].layer
            unit, dense = sum(layer.weight.shape), layer.weight.numel()
            most = min(layer.weight.shape)
            left = torch.stack([_left_out(parts[name].spectrum) for name in names]).mean(0)
            rank = int((left > left_out).sum()) + 1
            rank = to_grid(min(rank, most), grid, most)
            if rank * unit < dense:
                found |= dict.fromkeys(names, rank)
        return found

    def savings(ranks: Mapping[str, int]) -> int:
        return sum(
            parts[name].layer.weight.numel() - rank * sum(parts[name].layer.weight.shape)
            for name, rank in ranks.items()
        )

    low, high = 0.0, 1.0
    if savings(at(high)) < saved:
        raise InvalidInputError(
            f"These layers cannot save {saved:,} parameters at rank {grid} or more."
        )
    for _ in range(60):
        middle = (low + high) / 2
        if savings(at(middle)) >= saved:
            high = middle
        else:
            low = middle
    return at(high)


def _left_out(spectrum: Tensor) -> Tensor:
    """What ranks 1, 2, ... leave out of the sum of squares, as parts of it."""
    energies = spectrum.double().square()
    return 1 - energies.cumsum(0) / energies.sum()
