"""How many dimensions of updates a core and its factors reach."""

from __future__ import annotations

import math

import torch

from common.kernels.multilinear import tucker


def dimension(shape: tuple[int, ...], ranks: tuple[int, ...]) -> int:
    """sum_n (d_n r_n - r_n^2) + prod r_n, when no rank exceeds the product of the others."""
    return sum(d * r - r * r for d, r in zip(shape, ranks, strict=True)) + math.prod(ranks)


def jacobian_rank(shape: tuple[int, ...], ranks: tuple[int, ...], seed: int = 0) -> int:
    """Of the derivative of the update with respect to core and factors, at a random point."""
    generator = torch.Generator().manual_seed(seed)

    def drawn(*size: int) -> torch.Tensor:
        return torch.randn(size, generator=generator, dtype=torch.float64)

    parts = (drawn(*ranks), *(drawn(d, r) for d, r in zip(shape, ranks, strict=True)))
    columns = torch.autograd.functional.jacobian(
        lambda core, *factors: tucker(core, factors).flatten(), parts
    )
    return int(torch.linalg.matrix_rank(torch.cat([part.flatten(1) for part in columns], 1)))
