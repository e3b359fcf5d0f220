"""LoRA (Hu et al. 2022) on a base that stays, whole or in factors, in floating point or in NF4."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from common.compression import layers
from common.compression.decoded import Decoded
from common.compression.factorised import LowRankLinear
from common.compression.nf4 import NF4Weight
from common.errors import InvalidInputError
from papers.lord.models import linear_layers


class Adapted(nn.Module):
    """``base(x) + (alpha / rank) B A x``; A starts at random, B at 0. The base is frozen; A and B
    are float32 whatever it is.

    Args:
        base: a linear layer, or one whose weight is decoded.
        rank: of the adapter.
        alpha: see above.
        generator: of A's start: uniform with deviation 1 / sqrt(3 inputs), as ``nn.Linear`` has it.
    """

    def __init__(
        self,
        base: nn.Linear | Decoded,
        rank: int,
        alpha: float,
        generator: torch.Generator | None = None,
    ):
        super().__init__()
        if rank < 1:
            raise InvalidInputError(f"rank={rank} of an adapter; allowed: 1 or more.")
        out, inputs = base.weight.shape
        device = base.weight.device
        self.base = base.requires_grad_(False)
        start = torch.rand(rank, inputs, generator=generator) * 2 - 1
        self.lora_A = nn.Parameter((start / math.sqrt(inputs)).to(device))
        self.lora_B = nn.Parameter(torch.zeros(out, rank, device=device))
        self.scaling = alpha / rank

    def forward(self, x: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch m"]:
        side = F.linear(F.linear(x.to(self.lora_A.dtype), self.lora_A), self.lora_B)
        return self.base(x) + (self.scaling * side).to(x.dtype)


def as_two_layers(layer: LowRankLinear) -> nn.Sequential:
    """The same map as two ordinary linear layers, for tools that know no other kind."""
    outputs, rank = layer.second.shape
    first = nn.Linear(layer.first.shape[1], rank, bias=False).to(layer.first)
    second = nn.Linear(rank, outputs, bias=layer.bias is not None).to(layer.second)
    with torch.no_grad():
        first.weight.copy_(layer.first)
        second.weight.copy_(layer.second)
        if layer.bias is not None:
            second.bias.copy_(layer.bias)
    return nn.Sequential(first, second)


def with_two_layers(model: nn.Module) -> nn.Module:
    """Every low-rank layer of a model as two linear layers; changed in place."""
    for name, module in list(model.named_modules()):
        if isinstance(module, LowRankLinear):
            layers.replace(model, name, as_two_layers(module))
    return model


def in_nf4(model: nn.Module, names: Iterable[str], double: bool = True) -> nn.Module:
    """The weights of these linear layers as NF4 codes; changed in place."""
    for name in list(names):
        layer = model.get_submodule(name)
        layers.replace(model, name, Decoded(layer, NF4Weight(layer.weight, double)))
    return model


def adapted(
    model: nn.Module, rank: int, alpha: float, *, quantised: bool, seed: int = 0
) -> nn.Module:
    """A frozen model with an adapter at each of its linear layers, factors included; in place.

    Args:
        model: low-rank layers become two linear layers, each with an adapter of its own.
        rank: of the adapters.
        alpha: see :class:`Adapted`.
        quantised: hold the weights under the adapters in NF4.
        seed: of the adapters' start.
    """
    with_two_layers(model)
    names = list(linear_layers(model))
    model.requires_grad_(False)
    if quantised:
        in_nf4(model, names)
    generator = torch.Generator().manual_seed(seed)
    for name in names:
        layers.replace(model, name, Adapted(model.get_submodule(name), rank, alpha, generator))
    return model
