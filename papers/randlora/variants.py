"""What the paper compares with and takes apart: RandLoRA-a, and NoLA.

RandLoRA-b, half of the rank at as many numbers, is RandLoRA with bases of half the rank and as many
of them as before (`rank`, `num_bases`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from common.adapters.adapter import Adapter
from common.adapters.method import AdapterMethod
from common.adapters.sites import Site
from common.errors import InvalidInputError
from papers.randlora.bases import Bases, Law, number_of_bases
from papers.randlora.models import RandLoRAMethod


class SummedRandLoRA(Adapter):
    """RandLoRA-a (Section 5.6): s (sum_j B_j diag(lambda_j)) (sum_j A_j diag(gamma_j)), of rank r.

    As many numbers as RandLoRA and the same bases, an A for each; the sums are taken before the
    product, so that its rank is that of one term. lambda_j starts at zero.
    """

    def __init__(self, shape: tuple[int, int], bases: Bases, number: int, scale: float):
        super().__init__()
        self.tall = shape[0] >= shape[1]
        self.long_side, self.short_side = max(shape), min(shape)
        self.bases, self.number_of_bases, self.scale = bases, number, scale
        device, rank = bases.long.device, bases.long.shape[2]
        self.lam = nn.Parameter(torch.zeros(number, rank, device=device))
        size = 1 / max(number, self.short_side)
        self.gam = nn.Parameter(torch.full((number, self.short_side), size, device=device))

    def factors(self) -> tuple[Float[Tensor, "out r"], Float[Tensor, "r in"]]:
        """Both sums; for a weight that is wider than tall, their transposes."""
        number = self.number_of_bases
        long = self.bases.left(self.long_side, number, self.lam).unflatten(1, self.lam.shape)
        left = torch.einsum("Djk,jk->Dk", long, self.scale * self.lam)
        short = self.bases.right(self.short_side, number, self.lam)
        right = torch.einsum("jkd,jd->kd", short, self.gam)
        return (left, right) if self.tall else (right.mT, left.mT)


@dataclass(frozen=True)
class SummedMethod(AdapterMethod):
    """Settings of RandLoRA-a; see `RandLoRAMethod`."""

    title: ClassVar[str] = "RandLoRA-a"
    kinds: ClassVar[tuple[str, ...]] = ("linear",)

    rank: int = 6
    alpha: float = 6.0
    law: Law = field(default_factory=Law)
    seed: int = 0

    def validate(self) -> None:
        """Raise InvalidInputError for settings that fit no layer."""
        RandLoRAMethod(rank=self.rank, alpha=self.alpha, law=self.law).validate()

    def shared(self, sites: Mapping[str, Site]) -> Bases:
        """Bases at the largest shape, an A for each B."""
        shapes = [site.matrix_shape for site in sites.values()]
        short = max(min(shape) for shape in shapes)
        bases = Bases(
            max(max(shape) for shape in shapes),
            short,
            self.rank,
            number_of_bases(short, self.rank),
            self.law,
            self.seed,
            separate=True,
        )
        return bases.to(next(iter(sites.values())).weight.device)

    def build(self, site: Site, shared: Bases, index: int) -> SummedRandLoRA:
        """See `AdapterMethod.build`."""
        number = RandLoRAMethod(rank=self.rank).bases_of(site)
        return SummedRandLoRA(site.matrix_shape, shared, number, self.alpha / self.rank)


class NoLA(Adapter):
    """NoLA (Koohpayegani et al. 2024): both factors are mixtures of frozen random matrices.

    s (sum_i a_i B_i) (sum_i b_i A_i), of rank r; a starts at zero. Two numbers for each of the
    `number` pairs, whatever the shape.
    """

    def __init__(self, shape: tuple[int, int], pool: nn.Module, rank: int, scale: float):
        super().__init__()
        self.shape, self.rank, self.pool, self.scale = shape, rank, pool, scale
        number, device = pool.long.shape[0], pool.long.device
        self.a = nn.Parameter(torch.zeros(number, device=device))
        self.b = nn.Parameter(torch.full((number,), number**-0.5, device=device))

    def factors(self) -> tuple[Float[Tensor, "out r"], Float[Tensor, "r in"]]:
        """Both mixtures."""
        rows, columns = self.shape
        pool = self.pool
        left = (self.scale * self.a) @ pool.long[:, : rows * self.rank].to(self.dtype)
        right = self.b @ pool.short[:, : columns * self.rank].to(self.dtype)
        return left.view(rows, self.rank), right.view(self.rank, columns)


class Pool(nn.Module):
    """The frozen matrices of NoLA, flat, of unit standard deviation, at the largest shape."""

    def __init__(self, number: int, long: int, short: int, seed: int):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        for name, size in (("long", long), ("short", short)):
            self.register_buffer(
                name, torch.randn(number, size, generator=generator), persistent=False
            )


@dataclass(frozen=True)
class NoLAMethod(AdapterMethod):
    """Settings of NoLA.

    Attributes:
        number: of random matrices a factor mixes.
        rank: of the update.
        alpha: the update is scaled by alpha / rank.
        seed: of the random matrices.
    """

    title: ClassVar[str] = "NoLA"
    kinds: ClassVar[tuple[str, ...]] = ("linear",)

    number: int = 1024
    rank: int = 1
    alpha: float = 1.0
    seed: int = 0

    def validate(self) -> None:
        """Raise InvalidInputError unless both counts are positive."""
        for name, value in (("number", self.number), ("rank", self.rank)):
            if value < 1:
                raise InvalidInputError(f"{name}={value}; allowed: 1 or more.")

    def shared(self, sites: Mapping[str, Site]) -> Pool:
        """The random matrices."""
        shapes = [site.matrix_shape for site in sites.values()]
        rows, columns = (max(side) * self.rank for side in zip(*shapes, strict=True))
        pool = Pool(self.number, rows, columns, self.seed)
        return pool.to(next(iter(sites.values())).weight.device)

    def build(self, site: Site, shared: Any, index: int) -> NoLA:
        """See `AdapterMethod.build`."""
        return NoLA(site.matrix_shape, shared, self.rank, self.alpha / self.rank)
