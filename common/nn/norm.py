"""Normalisation of sequences ``(batch, length, width)`` over their last axis."""

from __future__ import annotations

import torch
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
        mask = step_mask(lengths, x.shape[1], padding)[..., None]
        mean, var = self.norm.running_mean, self.norm.running_var
        if self.training:
            mean, var = self._masked_statistics(x, mask)
        scale = self.norm.weight * torch.rsqrt(var + self.norm.eps)
        return torch.where(mask, (x - mean) * scale + self.norm.bias, 0)

    def _masked_statistics(self, x, mask):
        """Mean and variance of the steps under the mask; the running ones move towards them. Sums
        rather than a selection, whose size a compiled graph could not know."""
        count = mask.sum()
        mean = torch.where(mask, x, 0).sum((0, 1)) / count
        var = torch.where(mask, (x - mean).square(), 0).sum((0, 1)) / count
        with torch.no_grad():
            self.norm.num_batches_tracked += 1
            unbiased = var * (count / (count - 1).clamp(min=1))
            self.norm.running_mean.lerp_(mean, self.norm.momentum)
            self.norm.running_var.lerp_(unbiased, self.norm.momentum)
        return mean, var


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
