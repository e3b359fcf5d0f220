"""What low rank has to be better than at the same size: other ways to the same budget."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from common.compression.rounding import round_to_nearest
from common.errors import InvalidInputError
from papers.ctr_lowrank.accounting import Shape, parameters
from papers.ctr_lowrank.models.ctr import CtrModel


def small_shape(shape: Shape, dim: int, budget: int) -> Shape:
    """A dense model of this D and layers of equal width, as wide as the budget allows.

    Raises:
        InvalidInputError: not even layers of width 1 fit.
    """

    def of_width(width: int) -> Shape:
        return replace(shape, dim=dim, hidden=(width,) * len(shape.hidden))

    if parameters(of_width(1)) > budget:
        raise InvalidInputError(f"No dense model with dim={dim} has {budget} parameters or fewer.")
    width = 1
    while parameters(of_width(width + 1)) <= budget:
        width += 1
    return of_width(width)


def magnitude_masks(model: CtrModel, kept: int) -> dict[str, Tensor]:
    """1 for the largest weights of the whole model, so that ``kept`` parameters are left; biases
    are kept all, as they are few.

    Raises:
        InvalidInputError: there are fewer parameters, or more biases.
    """
    weights = {name: p.detach() for name, p in model.named_parameters() if p.ndim > 1}
    biases = sum(p.numel() for p in model.parameters() if p.ndim <= 1)
    there = sum(weight.numel() for weight in weights.values())
    if not biases < kept <= there + biases:
        raise InvalidInputError(f"kept={kept}; allowed: {biases + 1} to {there + biases}.")
    sizes = torch.cat([weight.abs().flatten() for weight in weights.values()])
    mask = torch.zeros_like(sizes)
    mask[sizes.topk(kept - biases).indices] = 1
    parts = mask.split([weight.numel() for weight in weights.values()])
    return {
        name: part.reshape(weight.shape)
        for (name, weight), part in zip(weights.items(), parts, strict=True)
    }


def remaining(masks: Mapping[str, Tensor], model: CtrModel) -> int:
    """Parameters that are not masked."""
    whole = sum(p.numel() for name, p in model.named_parameters() if name not in masks)
    return whole + sum(int(mask.sum()) for mask in masks.values())


@dataclass(frozen=True)
class Rounded:
    """A model with rounded tables.

    Attributes:
        model: the tables decoded, as it computes.
        bits: of the whole model, as it would be stored; what is not a table takes 32 a number.
    """

    model: CtrModel
    bits: int


def int8_tables(model: CtrModel) -> Rounded:
    """Embedding tables in 8 bits, a scale for each row."""
    small = copy.deepcopy(model)
    rounded = round_to_nearest(small.tables.weight.detach(), 8)
    small.tables.weight.data.copy_(rounded.weight)
    others = sum(p.numel() for p in model.parameters()) - model.tables.weight.numel()
    return Rounded(small, rounded.bits + 32 * others)
