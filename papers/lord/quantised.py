"""Rounding on top of the factors: each factor as if it were an ordinary linear layer.

SpQR, which the paper uses, keeps outliers apart and gives each small group a scale, as here, and
also codes the scales and corrects the error of a column in the next ones; here entries are rounded
to the nearest value.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import nn

from common.compression.rounding import round_to_nearest
from papers.lord.adapters import with_two_layers
from papers.lord.models import linear_layers


@dataclass(frozen=True)
class Quantised:
    """A model that computes with rounded weights.

    Attributes:
        model: its linear layers hold what the codes stand for.
        bits: of storage of these layers' weights.
    """

    model: nn.Module
    bits: int


@torch.no_grad()
def quantised(model: nn.Module, bits: int, *, group: int = 0, outliers: float = 0.0) -> Quantised:
    """A copy with every linear layer rounded, factors each by itself; see ``round_to_nearest``."""
    copied = with_two_layers(copy.deepcopy(model))
    total = 0
    for layer in linear_layers(copied).values():
        rounded = round_to_nearest(layer.weight, bits, group=group, outliers=outliers)
        layer.weight.copy_(rounded.weight)
        total += rounded.bits
    return Quantised(copied, total)
