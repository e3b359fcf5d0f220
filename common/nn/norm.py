"""Normalisation of sequences ``(batch, length, width)`` over their last axis."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from common.errors import InvalidInputError

NORMS = ("batch", "layer")


class SequenceBatchNorm(nn.Module):
    """BatchNorm whose statistics run over batch and time (padding included, as in S5).

    Args:
        width: number of features.
        decay: fraction of the old running statistic that is kept: one minus PyTorch's momentum.
    """

    def __init__(self, width: int, decay: float = 0.9):
        super().__init__()
        self.norm = nn.BatchNorm1d(width, momentum=1 - decay)

    def forward(
        self, x: Float[Tensor, "batch length width"]
    ) -> Float[Tensor, "batch length width"]:
        return self.norm(x.reshape(-1, x.shape[-1])).view(x.shape)


def sequence_norm(kind: str, width: int, decay: float) -> nn.Module:
    """A normalisation by name.

    Raises:
        InvalidInputError: the name is unknown.
    """
    if kind == "batch":
        return SequenceBatchNorm(width, decay)
    if kind == "layer":
        return nn.LayerNorm(width)
    raise InvalidInputError(f"norm={kind!r}; allowed: {', '.join(NORMS)}.")
