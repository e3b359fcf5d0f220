"""Normalisation of sequences ``(batch, length, width)`` over their last axis."""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor, nn

from common.errors import InvalidInputError
from common.nn.padding import step_mask

NORMS = ("batch", "layer")


class SequenceBatchNorm(nn.Module):
    """BatchNorm whose statistics run over batch and time.

    Padding is included, as in S5, unless ``lengths`` are given.

    Args:
        width: number of features.
        decay: fraction of the old running statistic that is kept: one minus PyTorch's momentum.
    """

    def __init__(self, width: int, decay: float = 0.9):
        super().__init__()
        self.norm = nn.BatchNorm1d(width, momentum=1 - decay)

    def forward(
        self,
        x: Float[Tensor, "batch length width"],
        lengths: Int[Tensor, " batch"] | None = None,
        padding: str = "right",
    ) -> Float[Tensor, "batch length width"]:
        if lengths is None:
            return self.norm(x.reshape(-1, x.shape[-1])).view(x.shape)
        mask = step_mask(lengths, x.shape[1], padding)
        return x.new_zeros(x.shape).masked_scatter(mask[..., None], self.norm(x[mask]))


class SequenceLayerNorm(nn.LayerNorm):
    """LayerNorm, which sees one step at a time: lengths make no difference."""

    def forward(
        self,
        x: Float[Tensor, "batch length width"],
        lengths: Int[Tensor, " batch"] | None = None,
        padding: str = "right",
    ) -> Float[Tensor, "batch length width"]:
        return super().forward(x)


def sequence_norm(kind: str, width: int, decay: float) -> nn.Module:
    """A normalisation by name.

    Raises:
        InvalidInputError: the name is unknown.
    """
    if kind == "batch":
        return SequenceBatchNorm(width, decay)
    if kind == "layer":
        return SequenceLayerNorm(width)
    raise InvalidInputError(f"norm={kind!r}; allowed: {', '.join(NORMS)}.")
