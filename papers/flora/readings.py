"""Convolution weights as matrices, the ways LoRA reads them, and best fits of each form."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from common.kernels.multilinear import hooi, multilinear_ranks

Weight = Float[Tensor, "out inputs height width"]


def by_memory(weight: Weight) -> Float[Tensor, "m n"]:
    """(k out) x (k in), in memory order: LoRA as loralib has it, taps scattered."""
    out, inputs, height, width = weight.shape
    return weight.reshape(height * out, width * inputs)


def by_outputs(weight: Weight) -> Float[Tensor, "m n"]:
    """out x (in k k): a convolution to r channels, then one of one tap; peft's LoRA."""
    return weight.flatten(1)


def by_taps(weight: Weight) -> Float[Tensor, "m n"]:
    """(out k_h) x (in k_w): a row of taps stays together."""
    out, inputs, height, width = weight.shape
    return weight.permute(0, 2, 1, 3).reshape(out * height, inputs * width)


READINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "view": by_memory,
    "peft": by_outputs,
    "structured": by_taps,
}


def reading_numbers(shape: tuple[int, ...], reading: str, rank: int) -> int:
    """Trained numbers of a LoRA of this reading; loralib's rank r is k r of its matrix."""
    rows, columns = READINGS[reading](torch.empty(shape, device="meta")).shape
    return rank * (rows + columns) * (shape[2] if reading == "view" else 1)


def least_rank(shape: tuple[int, ...], reading: str, numbers: int) -> int:
    """The smallest with at least so many numbers."""
    one = reading_numbers(shape, reading, 1)
    return -(-numbers // one)


def matrix_error(weight: Weight, reading: str, rank: int) -> float:
    """Relative squared error of the best LoRA of this reading (Eckart-Young)."""
    energy = torch.linalg.svdvals(READINGS[reading](weight)).square()
    kept = rank * (weight.shape[2] if reading == "view" else 1)
    return float(energy[kept:].sum() / energy.sum())


def core_numbers(shape: tuple[int, ...], ranks: tuple[int, ...]) -> int:
    """Of factors and core."""
    core = torch.Size(ranks).numel()
    return sum(d * r for d, r in zip(shape, ranks, strict=True)) + core


def core_error(weight: Tensor, ranks: tuple[int, ...]) -> float:
    """Relative squared error of higher-order orthogonal iteration: an upper bound of the best."""
    found = multilinear_ranks(tuple(weight.shape), ranks)
    core, _ = hooi(weight, found)
    # Factors are orthonormal, so that the core holds the captured energy.
    return float(1 - core.square().sum() / weight.square().sum())


def permuted_taps(weight: Weight, seed: int) -> Weight:
    """One random order of (in, height, width), the same for all filters: locality is gone, the
    matrix of outputs keeps its singular values."""
    flat = weight.flatten(1)
    order = torch.randperm(flat.shape[1], generator=torch.Generator().manual_seed(seed))
    return flat[:, order.to(flat.device)].view(weight.shape)
