"""Tensors times matrices in their modes, and decompositions of that form (Tucker)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def mode_product(
    tensor: Float[Tensor, "..."], matrix: Float[Tensor, "rows columns"], mode: int
) -> Float[Tensor, "..."]:
    """Each fibre of one mode times the matrix: the mode has ``rows`` entries afterwards."""
    return torch.movedim(torch.tensordot(matrix, tensor, ([1], [mode])), 0, mode)


def tucker(
    core: Float[Tensor, "..."], factors: Sequence[Float[Tensor, "rows columns"]]
) -> Float[Tensor, "..."]:
    """core x_1 factors[0] x_2 factors[1] ...

    Args:
        core: as many modes as there are factors.
        factors: (size, rank) of each mode.
    """
    for mode, factor in enumerate(factors):
        core = mode_product(core, factor, mode)
    return core


def unfold(tensor: Float[Tensor, "..."], mode: int) -> Float[Tensor, "size rest"]:
    """The fibres of one mode as columns; the other modes run in their order, the last fastest."""
    return torch.movedim(tensor, mode, 0).flatten(1)


def multilinear_ranks(sizes: Sequence[int], ranks: Sequence[int]) -> tuple[int, ...]:
    """The largest ranks that a tensor can have without exceeding these.

    A rank is at most its mode's size and the product of the other ranks.
    """
    found = [min(size, rank) for size, rank in zip(sizes, ranks, strict=True)]
    while True:
        product = math.prod(found)
        less = [min(rank, product // rank) for rank in found]
        if less == found:
            return tuple(found)
        found = less


def hosvd(
    tensor: Float[Tensor, "..."], ranks: Sequence[int]
) -> tuple[Float[Tensor, "..."], list[Float[Tensor, "rows columns"]]]:
    """Truncated higher-order SVD: core and orthonormal factors.

    The squared error is at most the sum over modes of the tail energies of the unfoldings, so at
    most the number of modes times the least possible (De Lathauwer et al. 2000).
    """
    factors = [_leading(unfold(tensor, mode), rank) for mode, rank in enumerate(ranks)]
    return tucker(tensor, [factor.mT for factor in factors]), factors


def hooi(
    tensor: Float[Tensor, "..."],
    ranks: Sequence[int],
    *,
    rounds: int = 50,
    tolerance: float = 1e-12,
) -> tuple[Float[Tensor, "..."], list[Float[Tensor, "rows columns"]]]:
    """Higher-order orthogonal iteration from the HOSVD; its error never rises.

    Args:
        tolerance: it ends when the captured part of the energy rises by less.
    """
    core, factors = hosvd(tensor, ranks)
    energy = tensor.square().sum().clamp(min=torch.finfo(tensor.dtype).tiny)
    captured = core.square().sum() / energy
    for _ in range(rounds):
        for mode, rank in enumerate(ranks):
            others = [
                factor.mT if other != mode else _identity(tensor, mode)
                for other, factor in enumerate(factors)
            ]
            factors[mode] = _leading(unfold(tucker(tensor, others), mode), rank)
        core = tucker(tensor, [factor.mT for factor in factors])
        now = core.square().sum() / energy
        if now - captured < tolerance:
            break
        captured = now
    return core, factors


def _leading(matrix: Float[Tensor, "m n"], rank: int) -> Float[Tensor, "m rank"]:
    return torch.linalg.svd(matrix, full_matrices=False)[0][:, :rank]


def _identity(tensor: Tensor, mode: int) -> Tensor:
    return torch.eye(tensor.shape[mode], dtype=tensor.dtype, device=tensor.device)
