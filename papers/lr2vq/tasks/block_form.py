"""V8: the block of a convolution and a grouped map computes what the decoded weight computes."""

from __future__ import annotations

import torch
from torch import nn

from common.compression.costs import macs
from common.compression.decoded import Decoded
from common.compression.subvectors import Layout
from common.experiment.context import RunContext, TaskResult
from papers.lr2vq.models import GroupedBlock, quantise

# Filters, inputs, kernel; with outputs that have to be filled, and without.
SHAPES = ((16, 8, 3), (10, 5, 3), (12, 7, 1), (9, 4, 5))


def run(context: RunContext) -> TaskResult:
    """Largest difference of outputs over the largest output; multiply-adds counted."""
    generator = torch.Generator().manual_seed(context.config.seed)
    differences, counts = [], []
    for out, inputs, kernel in SHAPES:
        for stride in (1, 2):
            for padding in (0, kernel // 2):
                for dim in (1, 2, 4):
                    conv = nn.Conv2d(inputs, out, kernel, stride, padding)
                    with torch.no_grad():
                        for parameter in conv.parameters():
                            parameter.copy_(torch.randn(parameter.shape, generator=generator))
                    code = quantise(conv.weight, Layout(4), dim, 8, generator)
                    layer = Decoded(conv, code)
                    x = torch.randn(2, inputs, 11, 11, generator=generator)
                    differences.append(difference(layer, x))
                    counts.append(count_error(layer, x))
    return TaskResult({"difference": max(differences), "count_error": max(counts)})


@torch.no_grad()
def difference(layer: Decoded, x: torch.Tensor) -> float:
    """Of the two forms, relative to the largest output."""
    wanted = layer(x)
    return float((GroupedBlock(layer)(x) - wanted).abs().max() / wanted.abs().max())


@torch.no_grad()
def count_error(layer: Decoded, x: torch.Tensor) -> float:
    """Relative difference of the counted multiply-adds from the closed form."""
    block = GroupedBlock(layer)
    positions = layer(x)[:, 0].numel()
    return abs(sum(macs(block, x).values()) / (block.macs_at_a_position() * positions) - 1)
