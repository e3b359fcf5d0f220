"""Sizes of the published models, and those of their stand-in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from types import SimpleNamespace

from papers.ctr_lowrank.accounting import Shape
from papers.ctr_lowrank.compression import Plan

# Of Avazu's 22 fields only the two large ones have published numbers of ids; the others, some ten
# thousand together, are left out of the count.
DEVICE_ID, DEVICE_IP = 2_686_408, 6_729_486
AVAZU = (DEVICE_ID, DEVICE_IP) + (0,) * 20
MOVIELENS = (944, 1653, 15, 3, 22, 383, 74, 19, 25, 8)


@dataclass(frozen=True)
class Case:
    """A DeepFM and how it is compressed.

    Attributes:
        vocabularies: ids of each field.
        numbers: real inputs.
        dim: D.
        hidden: widths of the MLP.
        table_ranks: of which the first is the published, or the stand-in's.
        layer_rank: of the layers after the first.
    """

    vocabularies: Sequence[int]
    numbers: int
    dim: int
    hidden: Sequence[int]
    table_ranks: Sequence[int]
    layer_rank: int

    @property
    def config(self) -> SimpleNamespace:
        """As the model's builder reads it."""
        return SimpleNamespace(name="deepfm", dim=self.dim, hidden=list(self.hidden), mlp_std=None)

    @property
    def shape(self) -> Shape:
        """As the closed forms read it."""
        return Shape("deepfm", self.vocabularies, self.numbers, self.dim, self.hidden)

    def plan(self, table_rank: int) -> Plan:
        """Tables and layers."""
        return Plan("afm", table_rank, self.layer_rank)


def criteo_shaped(ids: int) -> tuple[int, ...]:
    """26 vocabularies that grow from 10 by equal factors and number ``ids`` together."""
    fields, low, high = 26, 1.0, 10.0
    for _ in range(60):
        ratio = (low + high) / 2
        total = sum(10 * ratio**k for k in range(fields))
        low, high = (ratio, high) if total < ids else (low, ratio)
    bounds = [round(x) for x in accumulate(10 * low**k for k in range(fields))]
    sizes = [b - a for a, b in zip([0, *bounds], bounds, strict=False)]
    return (*sizes[:-1], ids - sum(sizes[:-1]))


CASES = {
    "avazu": Case(AVAZU, 0, 50, (2000, 2000, 2000), (8, 24, 4), 320),
    "criteo": Case(criteo_shaped(1_000_000), 13, 16, (400, 400, 400), (2,), 64),
    "movielens": Case(MOVIELENS, 0, 16, (256, 256, 256), (4,), 16),
}
