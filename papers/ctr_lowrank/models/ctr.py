"""Six models of the click-through rate: logit = linear(x) + interaction(e) + MLP([e; numbers]).

A model whose MLP begins with a linear layer on the embeddings can read compressed ones as they are
stored, the decoder folded into that layer (``fused``); its interaction reads the decoded ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from common.errors import InvalidInputError
from papers.ctr_lowrank.models.interactions import (
    BilinearInteraction,
    CompressedInteraction,
    CrossNetwork,
    InteractingLayer,
    SqueezeExcitation,
    bi_interaction,
)
from papers.ctr_lowrank.models.perceptron import Perceptron
from papers.ctr_lowrank.models.tables import STD, DenseTables, Tables


class FirstOrder(nn.Module):
    """A weight for each id and each number, and a bias."""

    def __init__(self, vocabularies: Sequence[int], numbers: int):
        super().__init__()
        self.ids = DenseTables(vocabularies, 1)
        self.numbers = nn.Parameter(nn.init.normal_(torch.empty(numbers), std=STD))
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(
        self, ids: Int64[Tensor, "b fields"], dense: Float[Tensor, "b numbers"]
    ) -> Float[Tensor, " b"]:
        return self.ids(ids).sum((1, 2)) + dense @ self.numbers + self.bias


class CtrModel(nn.Module):
    """What all models share.

    Args:
        tables: embeddings of all fields.
        numbers: Fd, real inputs.
        hidden: widths of the MLP.
        std: of the MLP's first weights; see :class:`Perceptron`.

    Attributes:
        fused: the MLP's first layer reads what the tables store, not the decoded vectors.
    """

    FUSES = True

    def __init__(
        self, tables: Tables, numbers: int, hidden: Sequence[int], std: float | None = None
    ):
        super().__init__()
        self.tables, self.numbers, self.fused = tables, numbers, False
        self.linear = FirstOrder(tables.vocabularies, numbers)
        self.mlp = Perceptron(self.deep_width(), hidden, std)

    def forward(
        self, ids: Int64[Tensor, "b fields"], dense: Float[Tensor, "b numbers"]
    ) -> Float[Tensor, " b"]:
        """Logits."""
        codes = self.tables(ids)
        vectors = self.tables.decode(codes)
        deep = self.mlp(self.deep_input(codes, vectors, dense))
        return self.linear(ids, dense) + self.interaction(vectors, dense) + deep

    def deep_width(self) -> int:
        """Numbers that the MLP reads."""
        width = self.tables.width if self.fused else self.tables.dim
        return self.tables.fields * width + self.numbers

    def deep_input(self, codes: Tensor, vectors: Tensor, dense: Tensor) -> Float[Tensor, "b n"]:
        """What the MLP reads."""
        return torch.cat([(codes if self.fused else vectors).flatten(1), dense], 1)

    def interaction(self, vectors: Tensor, dense: Tensor) -> Float[Tensor, " b"] | float:
        """The logit's other part; 0 where the interaction feeds the MLP."""
        return 0.0

    def regularised(self) -> list[Tensor]:
        """What L2 decay acts on: tables and first-order weights, as published."""
        return [*self.tables.regularised(), self.linear.ids.weight, self.linear.numbers]


class DeepFM(CtrModel):
    """A factorisation machine beside the MLP (Guo et al. 2017)."""

    def interaction(self, vectors: Tensor, dense: Tensor) -> Float[Tensor, " b"]:
        return bi_interaction(vectors).sum(1)


class DCN(CtrModel):
    """A cross network of vectors beside the MLP."""

    def __init__(self, tables: Tables, numbers: int, hidden: Sequence[int], std=None, cross=2):
        super().__init__(tables, numbers, hidden, std)
        self.cross = CrossNetwork(tables.fields * tables.dim + numbers, cross)

    def interaction(self, vectors: Tensor, dense: Tensor) -> Float[Tensor, " b"]:
        return self.cross(torch.cat([vectors.flatten(1), dense], 1))


class AutoInt(CtrModel):
    """Self-attention over the fields beside the MLP."""

    def __init__(
        self, tables: Tables, numbers: int, hidden: Sequence[int], std=None, attention=3, heads=2
    ):
        super().__init__(tables, numbers, hidden, std)
        self.attention = nn.Sequential(
            *(InteractingLayer(tables.dim, heads) for _ in range(attention))
        )
        self.attended = nn.Linear(tables.fields * tables.dim, 1, bias=False)

    def interaction(self, vectors: Tensor, dense: Tensor) -> Float[Tensor, " b"]:
        return self.attended(self.attention(vectors).flatten(1))[:, 0]


class XDeepFM(CtrModel):
    """A compressed interaction network beside the MLP."""

    def __init__(
        self, tables: Tables, numbers: int, hidden: Sequence[int], std=None, cin=(256, 128)
    ):
        super().__init__(tables, numbers, hidden, std)
        self.cin = CompressedInteraction(tables.fields, cin)

    def interaction(self, vectors: Tensor, dense: Tensor) -> Float[Tensor, " b"]:
        return self.cin(vectors)


class NFM(CtrModel):
    """The MLP reads the pooled products of pairs."""

    FUSES = False

    def deep_width(self) -> int:
        return self.tables.dim + self.numbers

    def deep_input(self, codes: Tensor, vectors: Tensor, dense: Tensor) -> Float[Tensor, "b n"]:
        return torch.cat([bi_interaction(vectors), dense], 1)


class FiBiNET(CtrModel):
    """The MLP reads bilinear products of pairs, of the vectors and of the reweighted ones."""

    FUSES = False

    def __init__(self, tables: Tables, numbers: int, hidden: Sequence[int], std=None, reduction=3):
        super().__init__(tables, numbers, hidden, std)
        self.excitation = SqueezeExcitation(tables.fields, reduction)
        self.bilinear = BilinearInteraction(tables.fields, tables.dim)

    def deep_width(self) -> int:
        return self.tables.fields * (self.tables.fields - 1) * self.tables.dim + self.numbers

    def deep_input(self, codes: Tensor, vectors: Tensor, dense: Tensor) -> Float[Tensor, "b n"]:
        pairs = torch.cat([self.bilinear(self.excitation(vectors)), self.bilinear(vectors)], 1)
        return torch.cat([pairs.flatten(1), dense], 1)


MODELS = {
    "deepfm": DeepFM,
    "dcn": DCN,
    "autoint": AutoInt,
    "nfm": NFM,
    "fibinet": FiBiNET,
    "xdeepfm": XDeepFM,
}
# Options of the configuration that only some models have.
OPTIONS = {
    "dcn": ("cross",),
    "autoint": ("attention", "heads"),
    "fibinet": ("reduction",),
    "xdeepfm": ("cin",),
}


def build(config, tables: Tables, numbers: int) -> CtrModel:
    """The model that a configuration (``schema.CtrModelConfig``) describes.

    Raises:
        InvalidInputError: the name is unknown, or a size out of range.
    """
    if config.name not in MODELS:
        raise InvalidInputError(f"model.name={config.name!r}; allowed: {', '.join(MODELS)}.")
    if len(config.hidden) == 0 or min(config.hidden) < 1 or config.dim < 1:
        raise InvalidInputError(
            f"model.hidden={list(config.hidden)}, model.dim={config.dim}; needed is a layer or "
            "more, and sizes of 1 or more."
        )
    options = {name: getattr(config, name) for name in OPTIONS.get(config.name, ())}
    return MODELS[config.name](tables, numbers, list(config.hidden), config.mlp_std, **options)


def build_dense(config, vocabularies: Sequence[int], numbers: int) -> CtrModel:
    """The same with dense tables of ``config.dim`` columns."""
    return build(config, DenseTables(vocabularies, config.dim), numbers)
