"""Embedding tables of all fields, dense or of low rank with a decoder for each field.

A compressed table holds E'_f = (E_f - 1 mu_f^T) U_f, of r columns; what was looked up is decoded as
E'_f[id] U_f^T + mu_f (paper, Section 3). All fields share r and D, so that one einsum decodes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

STD = 1e-4  # of the first embeddings, in the published code


class Tables(nn.Module):
    """What every kind of table offers a model.

    Attributes:
        vocabularies: number of ids of each field.
        dim: D, length of a decoded vector.
        width: numbers of a field that :meth:`forward` gives; D unless there is a decoder.
    """

    def __init__(self, vocabularies: Sequence[int], dim: int, width: int):
        super().__init__()
        self.vocabularies, self.dim, self.width = tuple(vocabularies), dim, width

    @property
    def fields(self) -> int:
        """F."""
        return len(self.vocabularies)

    def forward(self, ids: Int64[Tensor, "b fields"]) -> Float[Tensor, "b fields width"]:
        """What is stored for these ids."""
        raise NotImplementedError

    def decode(self, codes: Float[Tensor, "b fields width"]) -> Float[Tensor, "b fields dim"]:
        """The vectors that stored numbers stand for."""
        return codes

    def regularised(self) -> list[Tensor]:
        """What L2 decay acts on: the stored numbers of ids."""
        raise NotImplementedError


class StackedTables(Tables):
    """One table below the other, so that a lookup in all fields is one gather.

    Args:
        vocabularies: number of ids of each field.
        dim: D.
        weight: (sum of vocabularies, width).
    """

    def __init__(self, vocabularies: Sequence[int], dim: int, weight: Float[Tensor, "n width"]):
        super().__init__(vocabularies, dim, weight.shape[1])
        starts = [0, *accumulate(self.vocabularies)][:-1]
        self.register_buffer("starts", torch.tensor(starts, dtype=torch.int64), persistent=False)
        self.weight = nn.Parameter(weight)

    def forward(self, ids: Int64[Tensor, "b fields"]) -> Float[Tensor, "b fields width"]:
        return F.embedding(ids + self.starts, self.weight)

    def regularised(self) -> list[Tensor]:
        return [self.weight]

    def of_fields(self) -> list[Float[Tensor, "n_f width"]]:
        """Each field's rows."""
        return list(self.weight.detach().split(self.vocabularies))


class DenseTables(StackedTables):
    """Tables of D columns, Gaussian at first."""

    def __init__(self, vocabularies: Sequence[int], dim: int, std: float = STD):
        weight = torch.empty(sum(vocabularies), dim)
        super().__init__(vocabularies, dim, nn.init.normal_(weight, std=std))


class CompressedTables(StackedTables):
    """Tables of r columns and a decoder.

    Args:
        vocabularies: number of ids of each field.
        weight: (sum of vocabularies, r).
        decoder: (F, r, D), U_f^T of each field.
        bias: (F, D), mu_f of each field.
    """

    def __init__(
        self,
        vocabularies: Sequence[int],
        weight: Float[Tensor, "n r"],
        decoder: Float[Tensor, "fields r dim"],
        bias: Float[Tensor, "fields dim"],
    ):
        super().__init__(vocabularies, decoder.shape[-1], weight)
        self.decoder, self.bias = nn.Parameter(decoder), nn.Parameter(bias)

    def decode(self, codes: Float[Tensor, "b fields r"]) -> Float[Tensor, "b fields dim"]:
        return torch.einsum("bfr,frd->bfd", codes, self.decoder) + self.bias
