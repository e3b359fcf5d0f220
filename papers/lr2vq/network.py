"""Quantising the layers of a network, each by itself, and how many bits they then take."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from common.compression.decoded import Decoded
from common.compression.layers import replace
from common.compression.subvectors import Layout
from common.errors import InvalidInputError
from papers.lr2vq.models import VectorQuantised
from papers.lr2vq.sizes import FULL, quantised_bits

Encode = Callable[[str, Tensor], nn.Module]


def encode_layers(model: nn.Module, names: Iterable[str], encode: Encode) -> dict[str, Decoded]:
    """Replace layers by decoded ones, independently of each other.

    Args:
        encode: of a layer's name and weight, a module that gives it.
    """
    found = {}
    for name in names:
        layer = model.get_submodule(name)
        found[name] = Decoded(layer, encode(name, layer.weight.detach()))
        replace(model, name, found[name])
    return found


def quantised(model: nn.Module) -> list[VectorQuantised]:
    """Every quantised weight in a model."""
    return [module for module in model.modules() if isinstance(module, VectorQuantised)]


def bits(model: nn.Module) -> int:
    """Codes, float16 codebooks and maps, and all other parameters in float32."""
    codes = quantised(model)
    inside = {id(parameter) for code in codes for parameter in code.parameters()}
    rest = sum(p.numel() for p in model.parameters() if id(p) not in inside)
    return FULL * rest + sum(
        quantised_bits(
            len(code.codes),
            code.layout.size,
            len(code.codebook),
            None if code.map is None else code.map.shape[1],
        )
        for code in codes
    )


def file_bytes(model: nn.Module) -> int:
    """Of the state dict on disk, codebooks and maps in float16, codes as bytes."""
    state = {n: t for n, t in model.state_dict().items() if not n.endswith("num_batches_tracked")}
    for name, module in model.named_modules():
        if isinstance(module, VectorQuantised):
            for part, _ in module.named_parameters():
                state[f"{name}.{part}"] = state[f"{name}.{part}"].half()
    buffer = io.BytesIO()
    torch.save({name: tensor.clone() for name, tensor in state.items()}, buffer)
    return buffer.tell()


def layout_words(layout: Layout, shape: torch.Size, words: int) -> int:
    """k, or a quarter of the subvectors where that is less.

    Raises:
        InvalidInputError: k is below 1.
    """
    if words < 1:
        raise InvalidInputError(f"words={words}; allowed: 1 or more.")
    return max(1, min(words, layout.count(shape) // 4))
