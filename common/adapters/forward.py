"""The output of a frozen layer and of the adapters beside it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from common.adapters.adapter import Adapter
from common.adapters.sites import Site


def adapted(
    x: Shaped[Tensor, "..."],
    site: Site,
    adapters: Sequence[Adapter],
    dropouts: Sequence[nn.Module],
) -> Tensor:
    """The layer's output with the changes of all adapters.

    Each adapter sees the input through its own dropout. Where none drops anything and the adapters
    prefer it, the changed weight is formed once and meets the input once: not if the layer itself
    has to be called, for hooks on it or because its own weight is trained too.

    Args:
        x: the layer's input.
        adapters: those that count; without any, the layer's own output.
        dropouts: one for each; `Identity` for none.
    """
    if not adapters:
        return site.layer(x)
    dropping = any(_drops(dropout) for dropout in dropouts)
    if (
        not dropping
        and not _must_be_called(site.layer)
        and all(adapter.prefers_merged(x, site) for adapter in adapters)
    ):
        return site.apply(x, changed_weight(site, adapters), getattr(site.layer, "bias", None))
    y = site.layer(x)
    for adapter, dropout in zip(adapters, dropouts, strict=True):
        # An embedding's input is whole numbers: nothing to cast, and nothing to drop.
        seen = dropout(x).to(adapter.dtype) if x.is_floating_point() else x
        y = y + adapter.side(seen, site).to(y.dtype)
    return y


def changed_weight(site: Site, adapters: Sequence[Adapter]) -> Tensor:
    """The layer's weight and every change, with the adapters' history, in the weight's dtype."""
    weight = site.weight
    flat = weight.reshape(site.matrix_shape)
    for adapter in adapters:
        left, right = adapter.factors()
        dtype = torch.promote_types(flat.dtype, left.dtype)
        flat = torch.addmm(flat.to(dtype), left.to(dtype), right.to(dtype))
    return flat.to(weight.dtype).view(site.shape)


def _must_be_called(layer: nn.Module) -> bool:
    """Whether calling it is more than its formula: libraries that offload replace `forward`."""
    hooks = (
        layer._forward_hooks,
        layer._forward_pre_hooks,
        layer._backward_hooks,
        layer._backward_pre_hooks,
    )
    return any(hooks) or "forward" in vars(layer) or layer.weight.requires_grad


def _drops(dropout: nn.Module) -> bool:
    return isinstance(dropout, nn.Dropout) and dropout.training and dropout.p > 0
