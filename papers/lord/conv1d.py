"""GPT-2's ``Conv1D`` holds its weight as (in, out): the transpose of a linear layer's."""

from __future__ import annotations

import torch
from torch import nn

from common.compression import layers


def is_conv1d(module: nn.Module) -> bool:
    """Whether it is such a layer; the class stands in a library that need not be installed."""
    return type(module).__name__ == "Conv1D" and getattr(module, "weight", None) is not None


@torch.no_grad()
def as_linear(layer: nn.Module) -> nn.Linear:
    """The linear layer that computes the same."""
    inputs, outputs = layer.weight.shape
    linear = nn.Linear(inputs, outputs, layer.bias is not None).to(layer.weight)
    linear.weight.copy_(layer.weight.mT)
    if layer.bias is not None:
        linear.bias.copy_(layer.bias)
    return linear


def with_linear_layers(model: nn.Module) -> nn.Module:
    """The model with linear layers in place of every ``Conv1D``; changed in place."""
    for name, module in list(model.named_modules()):
        if is_conv1d(module):
            layers.replace(model, name, as_linear(module))
    return model
