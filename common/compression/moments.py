"""Mean and covariance of a stream of vectors."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError

_BLOCK = 4096  # rows of a float32 product; their sums are added in float64
_PANELS = 4  # of columns of a symmetric product: 10 of its 16 tiles are multiplied out
_NARROW = 64  # columns of a panel under which one product is as fast as its panels


class Moments:
    """Count, mean and covariance of rows, exact to float32 products of centred blocks.

    Each block is centred on its own mean before the product and blocks are merged in float64
    (Chan, Golub and LeVeque 1983), so that a large mean cancels nothing. Half precision is raised
    before anything is multiplied.

    Attributes:
        count: number of rows; the sum of their weights where they have weights.
        mean: (d,), float64.
    """

    def __init__(self, dim: int, device: torch.device | str = "cpu"):
        self.count = 0.0
        self.mean = torch.zeros(dim, dtype=torch.float64, device=device)
        # Only its upper triangle counts: the product is symmetric.
        self._scatter = torch.zeros(dim, dim, dtype=torch.float64, device=device)

    def update(
        self, rows: Float[Tensor, "*rows d"], weights: Float[Tensor, " n"] | None = None
    ) -> Moments:
        """Add rows, every leading axis a row, each counted ``weights`` times.

        Raises:
            InvalidInputError: a row is not finite, a weight negative, or a shape does not fit.
        """
        rows = rows.reshape(-1, rows.shape[-1])
        if rows.shape[1] != self.mean.numel():
            raise InvalidInputError(f"Rows of {rows.shape[1]}; needed are {self.mean.numel()}.")
        if weights is not None and (weights.shape != rows.shape[:1] or bool((weights < 0).any())):
            raise InvalidInputError(
                f"weights of shape {tuple(weights.shape)}; needed is one, at least 0, for each of "
                f"{len(rows)} rows."
            )
        if rows.dtype not in (torch.float32, torch.float64):
            rows = rows.float()
        for start in range(0, len(rows), _BLOCK):
            part = slice(start, start + _BLOCK)
            self._add(rows[part], None if weights is None else weights[part])
        return self

    def _add(self, rows: Tensor, weights: Tensor | None) -> None:
        count = float(len(rows)) if weights is None else float(weights.double().sum())
        if count == 0:
            return
        weighted = rows if weights is None else rows * weights.to(rows)[:, None]
        mean = weighted.sum(0, dtype=torch.float64) / count
        if not torch.isfinite(mean).all():
            raise InvalidInputError("A row is not finite: NaN or infinity in the calibration data.")
        centred = rows - mean.to(rows.dtype)
        left = centred if weights is None else centred * weights.to(rows)[:, None]
        scatter = _upper_product(left, centred).double()
        # What rounding the mean to the rows' own precision left in the block.
        rest = mean - mean.to(rows.dtype)
        scatter -= count * torch.outer(rest, rest)
        total = self.count + count
        shift = mean - self.mean
        self._scatter += scatter + (self.count * count / total) * torch.outer(shift, shift)
        self.mean += shift * (count / total)
        self.count = total

    @property
    def covariance(self) -> Float[Tensor, "d d"]:
        """Of the rows, divided by their number; float64.

        Raises:
            InvalidInputError: there are no rows.
        """
        if self.count == 0:
            raise InvalidInputError("There are no rows to take a covariance of.")
        upper = self._scatter.triu()
        return (upper + upper.triu(1).mT) / self.count

    @property
    def second_moment(self) -> Float[Tensor, "d d"]:
        """Mean of ``y y^T``, not centred; float64."""
        return self.covariance + torch.outer(self.mean, self.mean)


def _upper_product(left: Float[Tensor, "n d"], right: Float[Tensor, "n d"]) -> Float[Tensor, "d d"]:
    """``left^T right`` where it is known to be symmetric; below the diagonal any values."""
    dim = left.shape[1]
    width = -(-dim // _PANELS)
    if width < _NARROW:
        return left.mT @ right
    product = left.new_zeros(dim, dim)
    for start in range(0, dim, width):
        end = min(start + width, dim)
        torch.mm(left[:, :end].mT, right[:, start:end], out=product[:end, start:end])
    return product
