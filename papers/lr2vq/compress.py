"""LR2VQ as a method of ``common.compression.compress``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from common.compression.compress import Work
from common.compression.decoded import Decoded
from common.compression.layers import replace
from common.compression.subvectors import ALONG_OUT, Layout
from common.compression.tuning import Tuning, tune
from common.errors import InvalidInputError
from papers.lr2vq.models import VectorQuantised, quantise, quantise_plainly
from papers.lr2vq.network import layout_words
from papers.lr2vq.sizes import code_bits, quantised_bits

SIZES = (2, 4, 8, 16, 32)


@dataclass
class LR2VQ:
    """Codes subvectors in a low-dimensional space, then trains codebooks and maps. The first
    convolution of a model stays dense.

    Attributes:
        tuning: batches and steps of the training; None for none.
        size: m; a budget of bytes takes the smallest of 2, 4, 8, 16, 32 that meets it.
        part: d as a part of m, below m; 1 is plain vector quantisation, the control.
        words: k, or a quarter of a layer's subvectors if that is less.
        order: ``along_out`` or ``along_in``.
        seed: of the k-means.
    """

    tuning: Tuning | None = None
    size: int = 8
    part: float = 0.75
    words: int = 256
    order: str = ALONG_OUT
    seed: int = 0
    name = "LR2VQ"
    kinds = (nn.Linear, nn.Conv2d)
    budgets = ("bytes",)

    def __post_init__(self) -> None:
        if self.size < 2 or not 0 < self.part <= 1:
            raise InvalidInputError(
                f"size={self.size}, part={self.part}; allowed: a size of 2 or more, a part above 0 "
                "and at most 1."
            )

    def unsupported(self, layer: nn.Module) -> str | None:
        """Depthwise convolutions have too few weights to a codeword."""
        return "is grouped" if getattr(layer, "groups", 1) != 1 else None

    def __call__(self, work: Work) -> Mapping[str, nn.Module]:
        layers = self._coded(work)
        size = self.size if work.allowance is None else self._size(work, layers)
        generator = torch.Generator().manual_seed(self.seed)
        found = {
            name: Decoded(layer, self._encoded(layer.weight, size, generator))
            for name, layer in layers.items()
        }
        for name, layer in found.items():
            replace(work.model, name, layer)
        if self.tuning is not None:
            tune(work.model, self.tuning)
        for layer in found.values():
            layer.code.orthonormalise()
            layer.code.half()
        return found

    def _coded(self, work: Work) -> dict[str, nn.Module]:
        convolutions = (n for n, m in work.model.named_modules() if isinstance(m, nn.Conv2d))
        first = next(convolutions, None)
        if first in work.layers:
            work.reasons[first] = "is the first convolution"
        return {name: layer for name, layer in work.layers.items() if name != first}

    def _encoded(
        self, weight: torch.Tensor, size: int, generator: torch.Generator
    ) -> VectorQuantised:
        layout = Layout(size, self.order)
        words = layout_words(layout, weight.shape, self.words)
        # Gradients are means over members: with one rate for all, sums would overshoot.
        if self.part == 1:
            return quantise_plainly(weight, layout, words, generator, mean_gradient=True)
        return quantise(weight, layout, self._dim(size), words, generator, mean_gradient=True)

    def _stored_bits(self, layout: Layout, shape: torch.Size) -> int:
        """In a state dict a code takes a whole byte, or four of them."""
        count, words = layout.count(shape), layout_words(layout, shape, self.words)
        code = 8 if words <= 256 else 32
        dim = None if self.part == 1 else self._dim(layout.size)
        bits = quantised_bits(count, layout.size, words, dim)
        return bits + count * (code - code_bits(words))

    def _dim(self, size: int) -> int:
        # At d = m a map would only repeat what the codewords can say.
        return min(size - 1, max(1, round(self.part * size)))

    def _size(self, work: Work, layers: Mapping[str, nn.Module]) -> int:
        dense = [layer.weight for name, layer in work.layers.items() if name not in layers]
        allowance = work.allowance - sum(w.numel() * w.element_size() for w in dense)
        for size in SIZES:
            layout = Layout(size, self.order)
            bits = sum(self._stored_bits(layout, layer.weight.shape) for layer in layers.values())
            if bits / 8 <= allowance:
                return size
        raise InvalidInputError(
            f"The budget leaves {allowance:,} bytes for these layers; subvectors of "
            f"{SIZES[-1]} take {int(bits / 8):,}. Allow more, or fewer words than {self.words}."
        )
