"""Tables in tensor-train format (Oseledets 2011; Novikov et al. 2015): the usual alternative.

The row number is written in digits i_1 i_2 ... of mixed radix n_1, n_2, ...; core k holds a matrix
of R_{k-1} rows and (d_k, R_k) columns for each value of its digit, and the row is their product. A
lookup takes one matrix a core: the table is never built.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from common.errors import InvalidInputError
from papers.ctr_lowrank.models.tables import STD, DenseTables, Tables


class TensorTrainTable(nn.Module):
    """A (rows, D) table.

    Args:
        rows: number of ids, at most the product of ``row_modes``.
        row_modes: n_k.
        column_modes: d_k; their product is D.
        ranks: R_k between cores, one fewer than cores.
        std: of the entries of the cores; None makes those of the table's rows have deviation
            ``STD``, as dense tables have.

    Raises:
        InvalidInputError: the shapes do not go together.
    """

    def __init__(
        self,
        rows: int,
        row_modes: Sequence[int],
        column_modes: Sequence[int],
        ranks: Sequence[int],
        std: float | None = None,
    ):
        super().__init__()
        if not len(row_modes) == len(column_modes) == len(ranks) + 1:
            raise InvalidInputError(
                f"{len(row_modes)} row modes, {len(column_modes)} column modes and {len(ranks)} "
                "ranks; needed are as many modes of each kind, and one rank fewer."
            )
        if math.prod(row_modes) < rows or min(*row_modes, *column_modes, *ranks, 1) < 1:
            raise InvalidInputError(
                f"row_modes={list(row_modes)} number {math.prod(row_modes)} rows; needed are "
                f"{rows} or more, and every mode and rank 1 or more."
            )
        self.rows, self.dim = rows, math.prod(column_modes)
        self.row_modes = tuple(row_modes)
        bounds = [1, *ranks, 1]
        if std is None:
            # A row's entry is a sum of prod(R) products of one entry a core.
            std = (STD**2 / math.prod(ranks)) ** (1 / (2 * len(row_modes)))
        self.cores = nn.ParameterList(
            nn.init.normal_(torch.empty(n, bounds[k], d, bounds[k + 1]), std=std)
            for k, (n, d) in enumerate(zip(row_modes, column_modes, strict=True))
        )

    def forward(self, ids: Int64[Tensor, " *b"]) -> Float[Tensor, "*b dim"]:
        flat = ids.reshape(-1)
        digits = []
        for mode in reversed(self.row_modes):
            digits.append(flat % mode)
            flat = flat // mode
        product = None
        for core, digit in zip(self.cores, reversed(digits), strict=True):
            matrices = F.embedding(digit, core.flatten(1)).unflatten(1, (core.shape[1], -1))
            product = matrices if product is None else torch.bmm(product, matrices)
            product = product.reshape(len(digit), -1, core.shape[-1])
        return product.reshape(*ids.shape, self.dim)

    def table(self) -> Float[Tensor, "rows dim"]:
        """All rows, as the published code rebuilds them in every step."""
        return self(torch.arange(self.rows, device=self.cores[0].device))


def two_cores(rows: int, columns: Sequence[int], rank: int) -> TensorTrainTable:
    """Digits of about equal size, D = d_1 d_2."""
    side = math.isqrt(rows - 1) + 1
    return TensorTrainTable(rows, (side, side), columns, (rank,))


def published(
    rows: int, row_modes: Sequence[int], dim: int, rank: int, std: float | None = 1e-4 / 3
) -> TensorTrainTable:
    """The published form: cores (1, n_1, R), (R, n_2, R), (R, n_3, R'), (R', D, 1), R' = min(R, D),
    the last of which belongs to the columns alone."""
    last = min(rank, dim)
    ranks = [rank] * (len(row_modes) - 1) + [last]
    return TensorTrainTable(rows, (*row_modes, 1), (1,) * len(row_modes) + (dim,), ranks, std)


class TensorTrainTables(Tables):
    """Some fields as tensor trains, the others dense.

    Args:
        vocabularies: number of ids of each field.
        dim: D.
        trains: place of a field -> its table.
    """

    def __init__(self, vocabularies: Sequence[int], dim: int, trains: dict[int, TensorTrainTable]):
        super().__init__(vocabularies, dim, dim)
        if wrong := [f for f, t in trains.items() if (t.rows, t.dim) != (vocabularies[f], dim)]:
            raise InvalidInputError(
                f"The tensor trains of fields {wrong} have not the shape (ids, {dim}) of the field."
            )
        self._dense_places = [f for f in range(self.fields) if f not in trains]
        self.trains = nn.ModuleDict({str(f): train for f, train in sorted(trains.items())})
        self.dense = DenseTables([vocabularies[f] for f in self._dense_places], dim)
        places = [*self._dense_places, *sorted(trains)]
        self.register_buffer("order", torch.tensor(places).argsort(), persistent=False)

    def forward(self, ids: Int64[Tensor, "b fields"]) -> Float[Tensor, "b fields dim"]:
        parts = [self.dense(ids[:, self._dense_places])]
        parts += [train(ids[:, int(f), None]) for f, train in self.trains.items()]
        return torch.cat(parts, 1)[:, self.order]

    def regularised(self) -> list[Tensor]:
        return [self.dense.weight, *self.trains.parameters()]
