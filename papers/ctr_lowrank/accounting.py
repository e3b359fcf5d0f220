"""Parameters in closed form; tests count the modules' own and find the same.

    table            n D               ->  n r, and r D + D for the field's decoder
    layer            m n + m           ->  r (m + n) + r + m
    first layer      m (F D + Fd) + m  ->  m (F r + Fd) + m     where it is fused

The first-order weights, one an id, stay as they are and are counted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from papers.ctr_lowrank.compression import Plan
from papers.ctr_lowrank.models.ctr import MODELS


@dataclass(frozen=True)
class Shape:
    """Sizes of a model.

    Attributes:
        model: one of ``MODELS``.
        vocabularies: ids of each field.
        numbers: Fd.
        dim: D.
        hidden: widths of the MLP.
        cross: layers of DCN.
        attention: layers of AutoInt.
        reduction: of FiBiNET.
        cin: sizes of xDeepFM.
    """

    model: str
    vocabularies: Sequence[int]
    numbers: int
    dim: int
    hidden: Sequence[int]
    cross: int = 2
    attention: int = 3
    reduction: int = 3
    cin: Sequence[int] = (256, 128)

    @classmethod
    def of(cls, config, vocabularies: Sequence[int], numbers: int) -> Shape:
        """From the model's configuration."""
        return cls(
            config.name,
            tuple(vocabularies),
            numbers,
            config.dim,
            tuple(config.hidden),
            config.cross,
            config.attention,
            config.reduction,
            tuple(config.cin),
        )

    @property
    def fields(self) -> int:
        """F."""
        return len(self.vocabularies)


def parameters(shape: Shape, plan: Plan | None = None) -> int:
    """Of the whole model, compressed as planned."""
    return (
        tables(shape, plan)
        + sum(shape.vocabularies)
        + shape.numbers
        + 1  # first order
        + layers(shape, plan)
        + interaction(shape)
    )


def tables(shape: Shape, plan: Plan | None = None) -> int:
    """Of the embedding tables, decoders included."""
    rank = plan.table_rank if plan else None
    if rank is None:
        return sum(shape.vocabularies) * shape.dim
    return sum(shape.vocabularies) * rank + shape.fields * (rank * shape.dim + shape.dim)


def layers(shape: Shape, plan: Plan | None = None) -> int:
    """Of the MLP, its output included."""
    widths = [deep_width(shape, plan), *shape.hidden]
    rank = plan.layer_rank if plan else None
    total = widths[-1] + 1
    for place, (n, m) in enumerate(pairwise(widths)):
        factors = place > 0 and rank is not None
        total += rank * (m + n) + rank + m if factors else m * n + m
    return total


def deep_width(shape: Shape, plan: Plan | None = None) -> int:
    """Numbers that the MLP reads."""
    if shape.model == "nfm":
        return shape.dim + shape.numbers
    if shape.model == "fibinet":
        return shape.fields * (shape.fields - 1) * shape.dim + shape.numbers
    small = plan is not None and plan.table_rank is not None and plan.fuse
    fused = small and MODELS[shape.model].FUSES
    return shape.fields * (plan.table_rank if fused else shape.dim) + shape.numbers


def interaction(shape: Shape) -> int:
    """Of what lies between the embeddings and the output, which nothing compresses."""
    flat = shape.fields * shape.dim
    if shape.model == "dcn":
        return (2 * shape.cross + 1) * (flat + shape.numbers)
    if shape.model == "autoint":
        return shape.attention * 4 * shape.dim**2 + flat
    if shape.model == "fibinet":
        inner = max(1, shape.fields // shape.reduction)
        return 2 * shape.fields * inner + math.comb(shape.fields, 2) * shape.dim**2
    if shape.model == "xdeepfm":
        inner = [shape.fields, *(size // 2 for size in shape.cin[:-1])]
        maps = sum(size * shape.fields * n + size for n, size in zip(inner, shape.cin, strict=True))
        return maps + sum(inner[1:]) + shape.cin[-1]
    return 0


def tensor_train(
    row_modes: Sequence[int], column_modes: Sequence[int], ranks: Sequence[int]
) -> int:
    """Of a table in tensor-train format."""
    bounds = [1, *ranks, 1]
    modes = zip(row_modes, column_modes, strict=True)
    return sum(bounds[k] * n * d * bounds[k + 1] for k, (n, d) in enumerate(modes))
