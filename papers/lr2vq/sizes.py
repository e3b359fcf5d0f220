"""Bits of a quantised network, from shapes alone (accounting, reconstructed)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from common.compression.subvectors import Layout

HALF, FULL = 16, 32


def code_bits(words: int) -> int:
    """Bits of one code."""
    return max(1, math.ceil(math.log2(words)))


def quantised_bits(count: int, size: int, words: int, dim: int | None = None) -> int:
    """Codes, a float16 codebook, and a float16 map where subvectors are mapped.

    Args:
        count: n subvectors.
        size: m.
        words: k.
        dim: d; None for plain vector quantisation.
    """
    codes = count * code_bits(words)
    if dim is None:
        return codes + HALF * words * size
    return codes + HALF * words * dim + HALF * size * dim


REGIMES = ("large", "small")


@dataclass(frozen=True)
class Convention:
    """How a network for ImageNet is cut: the regimes of the quantisation literature.

    Attributes:
        small: m of convolutions of 3 x 3.
        pointwise: m of convolutions of 1 x 1.
        classifier: m of the linear layer.
        words: k, or a quarter of the subvectors if that is less.
        classifier_words: k of the linear layer.
    """

    small: int
    pointwise: int
    classifier: int = 4
    words: int = 256
    classifier_words: int = 2048

    def of(self, layer: nn.Module) -> tuple[int, int]:
        """m and k of a layer."""
        if isinstance(layer, nn.Linear):
            return self.classifier, self.classifier_words
        size = self.pointwise if tuple(layer.kernel_size) == (1, 1) else self.small
        return size, min(self.words, layer.weight.numel() // size // 4)


def convention(regime: str, bottlenecks: bool) -> Convention:
    """The published regimes: ``large`` blocks give 43 and 31 times, ``small`` ones 29 and 19.

    Args:
        regime: one of :data:`REGIMES`.
        bottlenecks: of ResNet-50, else of ResNet-18.
    """
    small, pointwise = (9, 4) if regime == "small" else (18, 8 if bottlenecks else 4)
    return Convention(small, pointwise, classifier_words=1024 if bottlenecks else 2048)


def network_bits(
    model: nn.Module,
    sizes: Mapping[str, tuple[int, int]],
    dim: int | None = None,
    order: str = "along_in",
) -> int:
    """Of all parameters: quantised layers as said, the rest in float32. Running statistics are not
    counted, as in the published factors; they can be folded into a layer.

    Args:
        sizes: m and k of each quantised layer, by name.
        dim: d of all of them; None for plain vector quantisation.
        order: of the subvectors.
    """
    bits = 0
    for name, layer in model.named_modules():
        if name in sizes:
            size, words = sizes[name]
            count = Layout(size, order).count(layer.weight.shape)
            bits += quantised_bits(count, size, words, dim)
            bits += FULL * (0 if layer.bias is None else layer.bias.numel())
        else:
            bits += FULL * sum(p.numel() for p in layer.parameters(recurse=False))
    return bits


def dense_bits(model: nn.Module) -> int:
    """The same of the network as it is."""
    return network_bits(model, {})
