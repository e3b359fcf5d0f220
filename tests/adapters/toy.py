"""The smallest adapter: a column and a row of the change are trained, scaled by what all share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from common.adapters.adapter import Adapter
from common.adapters.method import AdapterMethod
from common.errors import InvalidInputError


class Shared(nn.Module):
    def __init__(self, scale: float):
        super().__init__()
        self.register_buffer("scale", torch.tensor(scale), persistent=False)


class Toy(Adapter):
    def __init__(self, rows: int, columns: int, rank: int, shared: Shared, seed: int):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.shared = shared
        self.left = nn.Parameter(torch.zeros(rows, rank))
        self.right = nn.Parameter(torch.randn(rank, columns, generator=generator))

    def factors(self):
        return self.shared.scale * self.left, self.right


@dataclass(frozen=True)
class ToyMethod(AdapterMethod):
    title: ClassVar[str] = "the toy"
    rank: int = 1
    scale: float = 0.5

    def validate(self) -> None:
        if self.rank < 1:
            raise InvalidInputError(f"rank={self.rank}; allowed: 1 or more.")

    def shared(self, sites):
        return Shared(self.scale)

    def build(self, site, shared, index):
        return Toy(*site.matrix_shape, self.rank, shared, index)
