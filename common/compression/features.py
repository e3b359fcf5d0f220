"""Atomic feature mimicking (Yu and Wu 2023): a linear layer of the rank of its outputs.

The outputs y = W x + b of a layer are projected onto the r leading eigenvectors Q of their own
covariance, around their mean: y ~ Q Q^T (y - mu) + mu. Of all affine maps of rank r this has the
smallest mean squared error, and that is the sum of the eigenvalues that are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from common.compression.moments import Moments


@dataclass(frozen=True)
class FeatureBasis:
    """Principal axes of a layer's outputs, float64.

    Attributes:
        vectors: (d, d), a column an axis, by descending eigenvalue; the entry of largest magnitude
            of each is positive.
        values: (d,), at least 0.
        mean: (d,).
    """

    vectors: Float[Tensor, "d d"]
    values: Float[Tensor, " d"]
    mean: Float[Tensor, " d"]

    @classmethod
    def of(cls, moments: Moments, *, centred: bool = True) -> FeatureBasis:
        """From statistics.

        Args:
            moments: of the outputs, bias included.
            centred: around the mean; without, the plain second moment is used and no mean is kept.
        """
        matrix = moments.covariance if centred else moments.second_moment
        values, vectors = torch.linalg.eigh(matrix)
        values, vectors = values.flip(0).clamp_min(0), vectors.flip(1)
        peaks = vectors.gather(0, vectors.abs().argmax(0, keepdim=True))
        mean = moments.mean if centred else torch.zeros_like(moments.mean)
        return cls(vectors * torch.where(peaks < 0, -1.0, 1.0), values, mean)

    def error(self, rank: int) -> float:
        """Mean squared distance, summed over outputs, that this rank leaves on the statistics."""
        return float(self.values[rank:].sum())

    def factors(
        self,
        weight: Float[Tensor, "d n"],
        bias: Float[Tensor, " d"] | None,
        rank: int,
    ) -> tuple[Float[Tensor, "r n"], Float[Tensor, "d r"], Float[Tensor, " d"]]:
        """First weight, second weight and second bias of the layer of this rank.

        The first layer has no bias: ``Q^T b`` is folded into the second one's,
        ``mu + Q Q^T (b - mu)``. Products are in float64, results in the type of ``weight``.
        """
        Q = self.vectors[:, :rank]
        offset = -self.mean if bias is None else bias.double() - self.mean
        first, second = Q.mT @ weight.double(), Q
        return (
            first.to(weight.dtype),
            second.to(weight.dtype),
            (self.mean + Q @ (Q.mT @ offset)).to(weight.dtype),
        )
