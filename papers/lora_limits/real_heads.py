"""Norms of attention heads that others trained: queries, keys and tokens of a sentence encoder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from common.nn.bert import BertEncoder


@dataclass(frozen=True)
class RealHead:
    """One head on one window.

    Attributes:
        layer: its block.
        head: its place in the block.
        tokens: what the block reads.
        query: W_Q* of the head, without its bias.
        queries: beta (X W_Q* + bias).
        keys: X W_K* + bias.
    """

    layer: int
    head: int
    tokens: Float[Tensor, "L d"]
    query: Float[Tensor, "d m"]
    queries: Float[Tensor, "L m"]
    keys: Float[Tensor, "L m"]

    @property
    def beta(self) -> float:
        """1/sqrt(m), as the encoder has it."""
        return self.keys.shape[1] ** -0.5

    @property
    def centred_keys(self) -> Float[Tensor, "L m"]:
        """The mean key taken off: the weights stay what they are, the scores shrink. Not in the
        paper."""
        return self.keys - self.keys.mean(0)

    def adapted(self, rank: int, growth: float, generator: torch.Generator) -> Float[Tensor, "L m"]:
        """Queries with a Gaussian adapter whose largest entry is ``growth`` times theirs."""
        d, m = self.query.shape
        B, A = (
            torch.randn(*shape, generator=generator, dtype=torch.float64).to(self.tokens)
            for shape in ((d, rank), (rank, m))
        )
        part = self.tokens @ (B @ A)
        frozen = self.beta * (self.tokens @ self.query)
        return self.queries + growth * frozen.abs().max() / part.abs().max() * part


@torch.no_grad()
def heads(model: BertEncoder, windows: Int[Tensor, "b t"]) -> Iterator[RealHead]:
    """Every head of every block on every window, in float64."""
    model = model.double()
    config = model.config
    width = config.width // config.heads
    read: list[Tensor] = []
    blocks = model.encoder["layer"]
    handles = [
        block.attention["self"].register_forward_pre_hook(
            lambda _, arguments: read.append(arguments[0])
        )
        for block in blocks
    ]
    model(windows)
    for handle in handles:
        handle.remove()
    for layer, (block, inputs) in enumerate(zip(blocks, read, strict=True)):
        attention = block.attention["self"]
        for x in inputs:
            q, k = (part(x).unflatten(-1, (config.heads, width)) for part in
                    (attention.query, attention.key))  # fmt: skip
            weights = attention.query.weight.mT.unflatten(-1, (config.heads, width))
            for head in range(config.heads):
                yield RealHead(
                    layer, head, x, weights[:, head], q[:, head] * width**-0.5, k[:, head]
                )
