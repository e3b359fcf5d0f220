"""What of an entry is told by its row and its column (of a rating, by who rates and what is rated),
before any factor."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from common.errors import InvalidInputError
from papers.altmin_completion.observed import Observed


@dataclass(frozen=True)
class Biases:
    """mean + row + column.

    Attributes:
        mean: of the values.
        row: of each row, 0 where it has none.
        column: of each column.
    """

    mean: float
    row: Float[Tensor, " m"]
    column: Float[Tensor, " n"]

    @classmethod
    def fit(cls, observed: Observed, ridge: float = 5.0, sweeps: int = 20) -> Biases:
        """Least squares with ``ridge`` times the squared biases, in turns.

        Raises:
            InvalidInputError: a ridge below 0, or no sweep.
        """
        if not ridge >= 0 or sweeps < 1:
            raise InvalidInputError(
                f"ridge={ridge}, sweeps={sweeps}; allowed: 0 or more, and 1 or more."
            )
        mean = float(observed.values.mean())
        rest = observed.values - mean
        m, n = observed.shape
        row, column = rest.new_zeros(m), rest.new_zeros(n)
        for _ in range(sweeps):
            row = _means(rest - column[observed.columns], observed.rows, m, ridge)
            column = _means(rest - row[observed.rows], observed.columns, n, ridge)
        return cls(mean, row, column)

    def at(self, rows: Int[Tensor, " e"], columns: Int[Tensor, " e"]) -> Float[Tensor, " e"]:
        """Their prediction at some places."""
        return self.mean + self.row[rows] + self.column[columns]


def _means(values: Tensor, place: Tensor, size: int, ridge: float) -> Float[Tensor, " size"]:
    total = values.new_zeros(size).index_add_(0, place, values)
    weight = torch.bincount(place, minlength=size) + ridge
    # Without a ridge a row that has nothing would be 0 / 0.
    return torch.where(weight > 0, total / weight, 0.0)
