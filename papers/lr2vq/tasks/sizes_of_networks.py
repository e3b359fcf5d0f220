"""V2, V3: bits of quantised ResNets for ImageNet, from shapes alone."""

from __future__ import annotations

import torch
from torch import nn

from common.compression.subvectors import ALONG_OUT
from common.experiment.context import RunContext, TaskResult
from common.nn.imagenet_resnet import ImageNetResNet
from papers.lr2vq.sizes import REGIMES, convention, dense_bits, network_bits

PUBLISHED = {
    f"resnet{depth}_{regime}": (depth, convention(regime, bottlenecks=depth == 50))
    for regime in REGIMES
    for depth in (18, 50)
}
SIZES, WORDS = (4, 8, 16), 256


def run(context: RunContext) -> TaskResult:
    """Compression factors, and how the size changes with d and with m."""
    metrics = {}
    for name, (depth, regime) in PUBLISHED.items():
        model = network(depth)
        sizes = {n: regime.of(layer) for n, layer in compressed(model).items()}
        dense, small = dense_bits(model), network_bits(model, sizes)
        metrics |= {
            f"{name}_factor": dense / small,
            f"{name}_mebibytes": small / 8 / 2**20,
            f"{name}_dense_mebibytes": dense / 8 / 2**20,
        }
    model = network(18)
    for size in SIZES:
        plain = uniform_bits(model, size)
        metrics[f"half_change_m{size}"] = uniform_bits(model, size, size // 2) / plain - 1
        metrics[f"double_change_m{size}"] = uniform_bits(model, 2 * size) / plain - 1
        for dim in range(1, size + 1):
            metrics[f"mebibytes_m{size}_d{dim}"] = uniform_bits(model, size, dim) / 8 / 2**20
    return TaskResult(metrics)


def network(depth: int) -> nn.Module:
    """Shapes only."""
    with torch.device("meta"):
        return ImageNetResNet(depth)


def compressed(model: nn.Module) -> dict[str, nn.Module]:
    """All convolutions but the first, and the classifier."""
    kinds = (nn.Conv2d, nn.Linear)
    return {n: m for n, m in model.named_modules() if isinstance(m, kinds) and n != "conv1"}


def uniform_bits(model: nn.Module, size: int, dim: int | None = None) -> int:
    """One m for all layers, k a quarter of the subvectors where 256 are more."""
    sizes = {
        name: (size, min(WORDS, layer.weight.numel() // size // 4))
        for name, layer in compressed(model).items()
    }
    return network_bits(model, sizes, dim, ALONG_OUT)
