"""Layers whose weight is stored in another form and decoded when it is used."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from common.compression.factorised import padding_of
from common.compression.rounding import integer_codes


class Decoded(nn.Module):
    """A linear layer or a convolution that computes with ``code()``.

    Args:
        like: the layer in whose place it stands; geometry and bias are taken over.
        code: a module without inputs that gives a weight of the shape of ``like.weight``. What it
            registers is all that is stored and trained beside the bias.
    """

    def __init__(self, like: nn.Linear | nn.Conv2d, code: nn.Module):
        super().__init__()
        self.code = code
        self.bias = None if like.bias is None else nn.Parameter(like.bias.detach().clone())
        self.is_convolution = isinstance(like, nn.Conv2d)
        if self.is_convolution:
            self.stride, self.padding = tuple(like.stride), padding_of(like)
            self.dilation, self.groups = tuple(like.dilation), like.groups

    @property
    def weight(self) -> Float[Tensor, "out *rest"]:
        """As decoded now; gradients reach what the code stores."""
        return self.code()

    def forward(self, x: Tensor) -> Tensor:
        if not self.is_convolution:
            return F.linear(x, self.weight, self.bias)
        return F.conv2d(
            x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups
        )


class RoundedWeight(nn.Module):
    """Integer codes of 4 or 8 bits and a float16 scale a group, as buffers; nothing trains.

    Args:
        weight: (out, ...), each row rounded by itself.
        bits: 4 (two codes a byte) or 8.
        group: neighbours in a row that share a scale; 0 takes the row.
    """

    def __init__(self, weight: Float[Tensor, "out *rest"], bits: int, group: int = 0):
        super().__init__()
        codes, scales = integer_codes(weight.detach().flatten(1), bits, group)
        self.bits, self.shape, self.dtype = bits, weight.shape, weight.dtype
        self.register_buffer("codes", packed(codes) if bits == 4 else codes)
        self.register_buffer("scales", scales.half())

    def forward(self) -> Float[Tensor, "out *rest"]:
        codes = unpacked(self.codes, self.shape.numel()) if self.bits == 4 else self.codes
        groups = codes.reshape(*self.scales.shape, -1).to(torch.float32)
        return (groups * self.scales[..., None].float()).reshape(self.shape).to(self.dtype)


def packed(codes: Tensor) -> Tensor:
    """Codes -8 .. 7, int8, two a byte."""
    flat = F.pad(codes.flatten() + 8, (0, codes.numel() % 2)).to(torch.uint8)
    return flat[::2] | (flat[1::2] << 4)


def unpacked(packed_codes: Tensor, count: int) -> Tensor:
    """The first ``count`` codes."""
    pairs = torch.stack([packed_codes & 15, packed_codes >> 4], 1)
    return pairs.flatten()[:count].to(torch.int8) - 8
