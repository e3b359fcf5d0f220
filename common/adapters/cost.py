"""What a layer costs: bytes kept for its backward pass, and seconds of a step."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn


def kept_bytes(model: nn.Module, x: Tensor) -> int:
    """Of one forward pass whose input asks for a gradient: what is kept besides parameters, buffers
    and the input; each storage once."""
    held = {t.untyped_storage().data_ptr() for t in (*model.parameters(), *model.buffers(), x)}
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in held:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    x = x.detach().requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model(x)
    return sum(kept.values())


def step(model: nn.Module, x: Tensor) -> Callable[[], None]:
    """One pass forward and backward, with the input's gradient."""
    seen = x.detach().requires_grad_()

    def once() -> None:
        model(seen).square().sum().backward()
        if x.is_cuda:
            torch.cuda.synchronize()

    return once


def medians(steps: Mapping[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """Seconds of each; every round runs all, so that they meet the same machine, and twice in a
    row, of which the second counts."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, once in steps.items():
            once()
            before = time.perf_counter()
            once()
            times[name].append(time.perf_counter() - before)
    return {name: statistics.median(found) for name, found in times.items()}
