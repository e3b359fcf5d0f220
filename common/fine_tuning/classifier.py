"""Blocks, mean pooling, and a linear head."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn


def pooled(outputs: Float[Tensor, "b t d"], mask: Bool[Tensor, "b t"]) -> Float[Tensor, "b d"]:
    """The mean over a row's tokens."""
    weights = mask.to(outputs)[..., None]
    return (outputs * weights).sum(1) / weights.sum(1)


class Classifier(nn.Module):
    """Outputs of a frozen part to logits.

    Args:
        blocks: (b, t, d) and where there are tokens, to (b, t, d).
        width: d.
        classes: logits.
    """

    def __init__(self, blocks: nn.Module, width: int, classes: int):
        super().__init__()
        self.blocks = blocks
        self.head = nn.Linear(width, classes)

    def forward(
        self, hidden: Float[Tensor, "b t d"], mask: Bool[Tensor, "b t"]
    ) -> Float[Tensor, "b c"]:
        """Logits."""
        return self.head(pooled(self.blocks(hidden, mask), mask))

    @torch.no_grad()
    def start_head(self, weight: Float[Tensor, "c d"], bias: Float[Tensor, " c"]) -> None:
        """Give the head a probe's numbers."""
        self.head.weight.copy_(weight)
        self.head.bias.copy_(bias)
