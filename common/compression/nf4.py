"""NF4: four-bit codes at quantiles of the normal distribution (Dettmers et al. 2023, QLoRA).

A block of 64 weights is divided by its largest magnitude and each is coded by the nearest of 16
levels. With double quantisation the blocks' magnitudes are held in 8 bits, 256 of them to a float32
scale, around their mean.
"""

from __future__ import annotations

from functools import cache
from statistics import NormalDist

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from common.compression.decoded import packed, unpacked
from common.errors import InvalidInputError

BLOCK, SCALES_BLOCK = 64, 256
_OFFSET = 0.9677083  # probability of the outermost quantile: between those of 15 and 16 levels


@cache
def levels() -> tuple[float, ...]:
    """The 16 levels, ascending: 0, seven below it and eight above, the ends -1 and 1."""
    quantile = NormalDist().inv_cdf

    def side(count: int) -> list[float]:
        step = (_OFFSET - 0.5) / count
        return [quantile(_OFFSET - step * number) for number in range(count)]

    positive, negative = side(8), [-value for value in side(7)]
    largest = max(positive)
    return tuple(sorted(value / largest for value in (*positive, 0.0, *negative)))


class NF4Weight(nn.Module):
    """A weight as codes, for ``common.compression.decoded.Decoded``; all buffers, nothing trains.

    Args:
        weight: any shape; blocks run over its entries in order.
        double: hold the blocks' magnitudes in 8 bits.
    """

    def __init__(self, weight: Float[Tensor, "*shape"], double: bool = True):
        super().__init__()
        if not torch.isfinite(weight).all():
            raise InvalidInputError("A weight is not finite: it has no code.")
        self.shape, self.dtype, self.double_quantised = weight.shape, weight.dtype, double
        flat = weight.detach().float().flatten()
        blocks = F.pad(flat, (0, -len(flat) % BLOCK)).reshape(-1, BLOCK)
        magnitudes = blocks.abs().amax(1)
        if double:
            self._hold_scales(magnitudes)
        else:
            self.register_buffer("scales", magnitudes)
        self.register_buffer("levels", torch.tensor(levels(), device=flat.device), persistent=False)
        # Codes are chosen for the magnitudes that will be there when they are read.
        read = self.magnitudes()[:, None]
        scaled = torch.where(read > 0, blocks / read, 0.0)
        between = (self.levels[1:] + self.levels[:-1]) / 2
        codes = torch.bucketize(scaled, between).flatten()[: len(flat)]
        self.register_buffer("codes", packed(codes.to(torch.int8) - 8))

    def _hold_scales(self, magnitudes: Float[Tensor, " b"]) -> None:
        mean = magnitudes.mean()
        groups = F.pad(magnitudes - mean, (0, -len(magnitudes) % SCALES_BLOCK))
        groups = groups.reshape(-1, SCALES_BLOCK)
        steps = groups.abs().amax(1) / 127
        coded = torch.where(steps[:, None] > 0, groups / steps[:, None], 0.0).round()
        self.register_buffer("scale_codes", coded.to(torch.int8).flatten()[: len(magnitudes)])
        self.register_buffer("scale_steps", steps)
        self.register_buffer("scale_mean", mean)

    def magnitudes(self) -> Float[Tensor, " b"]:
        """Of the blocks, as they are read."""
        if not self.double_quantised:
            return self.scales
        steps = self.scale_steps.repeat_interleave(SCALES_BLOCK)[: len(self.scale_codes)]
        return (self.scale_codes.float() * steps + self.scale_mean).clamp_min(0)

    def forward(self) -> Float[Tensor, "*shape"]:
        """The weight that the codes stand for."""
        count = self.shape.numel()
        values = self.levels[unpacked(self.codes, count).long() + 8]
        scales = self.magnitudes().repeat_interleave(BLOCK)[:count]
        return (values * scales).reshape(self.shape).to(self.dtype)


def nf4_bytes(count: int, double: bool = True) -> int:
    """Of ``count`` weights of one matrix, as :class:`NF4Weight` stores them."""
    blocks = -(-count // BLOCK)
    scales = blocks + 4 * -(-blocks // SCALES_BLOCK) + 4 if double else 4 * blocks
    return -(-count // 2) + scales
