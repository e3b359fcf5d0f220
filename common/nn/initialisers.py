"""Random initialisers of state-space parameters, as distributions."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

# Standard deviation of a unit normal truncated at two standard deviations.
_TRUNCATED_STD = 0.87962566103423978


def lecun_normal(shape: tuple[int, ...], fan_in: int) -> Float[Tensor, ...]:
    """Normal truncated at two standard deviations, of variance 1 / fan_in after the truncation."""
    scale = math.sqrt(1 / fan_in) / _TRUNCATED_STD
    return nn.init.trunc_normal_(torch.empty(shape), std=scale, a=-2 * scale, b=2 * scale)


def log_uniform(shape: tuple[int, ...], low: float, high: float) -> Float[Tensor, ...]:
    """log of a step size that is uniform in log between ``low`` and ``high``."""
    return torch.empty(shape).uniform_(math.log(low), math.log(high))


def flax_dense_(module: nn.Module) -> nn.Module:
    """Give every Linear of ``module`` the default of flax's Dense: lecun_normal, zero bias.

    PyTorch's default has a third of that variance and random biases; models published as JAX code
    (S5) start from this one.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            with torch.no_grad():
                layer.weight.copy_(lecun_normal(tuple(layer.weight.shape), layer.in_features))
                if layer.bias is not None:
                    layer.bias.zero_()
    return module
