"""Parameters and bytes of a training, by closed form and counted (Section 4.6, Tables 20-22)."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from papers.sst.methods import FULL, GALORE, LORA, RELORA, SST, Trained


def spectral_parameters(m: int, n: int, rank: int) -> int:
    """Trained numbers of a spectral layer without bias: r (m + n) + k."""
    return rank * (m + n) + min(m, n)


def lora_parameters(m: int, n: int, rank: int) -> int:
    """Trained numbers of LoRA's increment: r (m + n)."""
    return rank * (m + n)


def spectral_share(m: int, n: int, rank: int) -> float:
    """Gamma(r) = (r (m + n) + k) / (m n)."""
    return spectral_parameters(m, n, rank) / (m * n)


def adam_numbers(method: str, m: int, n: int, rank: int) -> int:
    """Numbers that Adam keeps for a weight of (m, n): two a trained number; GaLore's two are in
    the projection, r max(m, n) each, beside the projection itself, r min(m, n)."""
    return {
        FULL: 2 * m * n,
        LORA: 2 * lora_parameters(m, n, rank),
        RELORA: 2 * lora_parameters(m, n, rank),
        GALORE: 2 * rank * max(m, n) + rank * min(m, n),
        SST: 2 * spectral_parameters(m, n, rank),
    }[method]


def held_numbers(method: str, m: int, n: int, rank: int) -> int:
    """Numbers of the weight itself in memory: m n; LoRA's increment, or the k (m + n + 1) of all
    triples."""
    k = min(m, n)
    return {
        FULL: m * n,
        LORA: m * n + rank * (m + n),
        RELORA: m * n + rank * (m + n),
        GALORE: m * n,
        SST: k * (m + n + 1),
    }[method]


def gradient_numbers(method: str, m: int, n: int, rank: int) -> int:
    """Numbers of the gradient: of what is trained; GaLore forms the whole one."""
    return {
        FULL: m * n,
        LORA: lora_parameters(m, n, rank),
        RELORA: lora_parameters(m, n, rank),
        GALORE: m * n,
        SST: spectral_parameters(m, n, rank),
    }[method]


def training_bytes(trained: Trained) -> int:
    """Of weights, gradients and Adam's state of the layers of a method, float32, by the formulas;
    biases and activations left out."""
    method, total = trained.method, 0
    for layer in trained.layers.values():
        shape = (layer.out_features, layer.in_features, method.rank)
        for numbers in (held_numbers, gradient_numbers, adam_numbers):
            total += 4 * numbers(method.name, *shape)
    return total


def trainable(model: nn.Module) -> int:
    """Numbers that ask for a gradient; a shared parameter counts once."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def dense_size(model: nn.Module) -> int:
    """Numbers of the dense model that this one stands for: a layer of a method counts as its
    weight and bias, a shared parameter once."""
    total, inside = 0, set()
    for module in model.modules():
        if hasattr(module, "to_linear"):
            total += module.out_features * module.in_features
            total += 0 if module.bias is None else module.out_features
            inside |= {id(p) for p in module.parameters()}
    return total + sum(p.numel() for p in model.parameters() if id(p) not in inside)


def optimiser_bytes(optimiser: torch.optim.Optimizer, parameters: Iterable[nn.Parameter]) -> int:
    """Bytes of the tensors that an optimiser keeps for these parameters, step counters left out."""
    total = 0
    for parameter in parameters:
        for value in optimiser.state.get(parameter, {}).values():
            if isinstance(value, torch.Tensor) and value.ndim:
                total += value.numel() * value.element_size()
    return total


def predicted_bytes(trained: Trained) -> int:
    """What :func:`optimiser_bytes` is by the formula for the layers of a method, float32; their
    biases are plain parameters and have two moments as well."""
    method, total = trained.method, 0
    for layer in trained.layers.values():
        m, n = layer.out_features, layer.in_features
        total += 4 * adam_numbers(method.name, m, n, method.rank)
        total += 0 if layer.bias is None else 8 * m
    return total
