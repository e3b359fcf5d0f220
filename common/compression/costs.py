"""What a model costs: parameters, bytes, multiply-adds, measured latency."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from common.compression.decoded import Decoded


@dataclass(frozen=True)
class Costs:
    """Of one model on one input.

    Attributes:
        parameters: each counted once, however often it is used.
        bytes: of parameters and buffers as they are stored.
        macs: multiply-adds of one forward pass, half of what torch's counter counts.
        nonzero: parameters that are not 0, what a sparse format would hold.
    """

    parameters: int
    bytes: int
    macs: int
    nonzero: int


def costs(model: nn.Module, *inputs: Any) -> Costs:
    """Parameters, bytes and multiply-adds of ``model(*inputs)``."""
    return Costs(
        parameters(model),
        stored_bytes(model),
        sum(macs(model, *inputs).values()),
        sum(int(tensor.count_nonzero()) for tensor in _weights(model)),
    )


def parameters(model: nn.Module) -> int:
    """Number of parameters, shared ones once; of a layer that decodes its weight, the weights that
    it stands for."""
    return sum(tensor.numel() for tensor in _weights(model))


def stored_bytes(model: nn.Module) -> int:
    """Bytes of everything in the state dict, shared tensors once.

    Layers that hold more than they would write (a decoded weight beside its codes) keep it out of
    the state dict.
    """
    tensors = {t.data_ptr(): t for t in model.state_dict().values() if isinstance(t, torch.Tensor)}
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())


def macs(model: nn.Module, *inputs: Any) -> dict[str, int]:
    """Multiply-adds of one forward pass by the name of the innermost module that does them."""
    counter = FlopCounterMode(display=False, depth=None)
    training = model.training
    model.eval()
    with torch.no_grad(), counter:
        model(*inputs)
    model.train(training)
    by_module = {
        _name(model, name): sum(counts.values())
        for name, counts in counter.get_flop_counts().items()
        if name != "Global"
    }
    # The counter adds what a module does to all around it; here each keeps its own.
    own = {}
    for name, flops in by_module.items():
        inside = sum(
            inner_flops
            for inner, inner_flops in by_module.items()
            if _is_child(inner, name, by_module)
        )
        if flops > inside:
            own[name] = (flops - inside) // 2
    return own


def latency(
    call: Callable[[], Any], *, rounds: int = 9, device: torch.device | str = "cpu"
) -> float:
    """Median seconds of one call, after one that does not count."""
    gpu = torch.device(device).type == "cuda"

    def once() -> float:
        begin = time.perf_counter()
        call()
        if gpu:
            torch.cuda.synchronize(device)
        return time.perf_counter() - begin

    once()
    return median(once() for _ in range(rounds))


def _name(model: nn.Module, name: str) -> str:
    """torch puts the root's class first."""
    return name.removeprefix(type(model).__name__).removeprefix(".")


def _is_child(inner: str, outer: str, names: dict[str, int]) -> bool:
    """Whether ``outer`` is the nearest of these modules around ``inner``."""
    if inner == outer or not inner.startswith(f"{outer}." if outer else ""):
        return False
    between = inner
    while between:
        between = between.rpartition(".")[0]
        if between == outer:
            return True
        if between in names:
            return False
    return outer == ""


def _weights(model: nn.Module) -> list[torch.Tensor]:
    decoded = [module for module in model.modules() if isinstance(module, Decoded)]
    stored = {id(parameter) for layer in decoded for parameter in layer.code.parameters()}
    plain = [parameter for parameter in model.parameters() if id(parameter) not in stored]
    return plain + [layer.weight.detach() for layer in decoded]
