"""T7: a layer in factors computes what the convolution with the projected weight computes."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from common.compression.costs import macs
from common.compression.forms import FORMS, dense_macs
from common.experiment.context import RunContext, TaskResult
from papers.trp.projection import project

KERNELS = ((3, 3), (5, 5), (1, 3))
CHANNELS, FILTERS, SIDE = 6, 10, 12
LEFT_OUT = (0.0, 0.05, 0.3)


def run(context: RunContext) -> TaskResult:
    """Largest difference of outputs over the largest output; counted against closed-form cost."""
    generator = torch.Generator().manual_seed(context.config.seed)
    metrics = {}
    for name, form in FORMS.items():
        differences, counts = [], []
        for kernel in KERNELS:
            for stride in (1, 2):
                for bias in (True, False):
                    for left_out in LEFT_OUT:
                        conv = layer(generator, kernel, stride, bias)
                        x = torch.randn(2, CHANNELS, SIDE, SIDE, generator=generator)
                        differences.append(difference(conv, form, left_out, x))
                    counts.append(count_error(conv, form, x))
        metrics[f"{name}_difference"] = max(differences)
        metrics[f"{name}_count_error"] = max(counts)
    metrics["difference"] = max(metrics[f"{name}_difference"] for name in FORMS)
    return TaskResult(metrics)


def layer(
    generator: torch.Generator, kernel: tuple[int, int], stride: int, bias: bool
) -> nn.Conv2d:
    """A random convolution whose output has the input's size over the stride."""
    padding = (kernel[0] // 2, kernel[1] // 2)
    conv = nn.Conv2d(CHANNELS, FILTERS, kernel, stride, padding, bias=bias)
    with torch.no_grad():
        for parameter in conv.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return conv


@torch.no_grad()
def difference(conv: nn.Conv2d, form, left_out: float, x: torch.Tensor) -> float:
    """Of the factors and of D(W; e), relative to the largest output."""
    cut = project(conv.weight, form, left_out)
    factors = form.build(cut.factors, conv)
    wanted = F.conv2d(x, cut.weight(), conv.bias, conv.stride, conv.padding)
    return float((factors(x) - wanted).abs().max() / wanted.abs().max())


@torch.no_grad()
def count_error(conv: nn.Conv2d, form, x: torch.Tensor) -> float:
    """Relative difference of the counted multiply-adds from the closed form at rank 2."""
    positions = sum(macs(conv, x).values()) / dense_macs(conv)
    counted = sum(macs(form.factorise(conv, 2), x).values())
    return abs(counted / (2 * form.unit_macs(conv) * positions) - 1)
