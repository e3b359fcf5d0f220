"""How the convolutions of a trained network are adapted: FLoRA and what it is compared with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from common.adapters.peft_library import peft_library
from common.adapters.plain import AdaptedLayer, adapt
from common.errors import InvalidInputError
from papers.flora.lora_view import ViewLoRAMethod
from papers.flora.models import FLoRAMethod


@dataclass(frozen=True)
class Setting:
    """Of any method.

    Attributes:
        rank: of the channels' modes, or of LoRA.
        spatial_rank: of the kernel's modes.
        scale: of FLoRA; the others take twice their rank as alpha.
        seed: of what is drawn.
        layers: names of the convolutions.
        in_rank: of the mode of the inputs, under FLoRA; 0 takes `rank`.
    """

    rank: int
    spatial_rank: int
    scale: float
    seed: int
    layers: tuple[str, ...]
    in_rank: int = 0


def flora(model: nn.Module, setting: Setting, **settings) -> nn.Module:
    """A core and a factor for each mode."""
    spatial = setting.spatial_rank
    method = FLoRAMethod(
        ranks=(setting.rank, setting.in_rank or setting.rank, spatial, spatial),
        scale=setting.scale,
        seed=setting.seed,
        **settings,
    )
    adapt(model, method, include=setting.layers)
    return model


def view(model: nn.Module, setting: Setting) -> nn.Module:
    """LoRA by memory order."""
    adapt(model, ViewLoRAMethod(setting.rank, seed=setting.seed), include=setting.layers)
    return model


def full(model: nn.Module, setting: Setting) -> nn.Module:
    """Every weight of these convolutions."""
    model.requires_grad_(False)
    for name in setting.layers:
        model.get_submodule(name).requires_grad_(True)
    return model


def head(model: nn.Module, setting: Setting) -> nn.Module:
    """The classifier alone: a linear probe that starts as it was trained."""
    model.requires_grad_(False)
    linear = [module for module in model.modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise InvalidInputError("The network has no linear layer: there is no head to train.")
    linear[-1].requires_grad_(True)
    return model


def none(model: nn.Module, setting: Setting) -> nn.Module:
    """Nothing is trained."""
    return model.requires_grad_(False)


def bitfit(model: nn.Module, setting: Setting) -> nn.Module:
    """A bias for every output of these convolutions, which have none."""
    model.requires_grad_(False)
    for name in setting.layers:
        layer = model.get_submodule(name)
        layer.bias = nn.Parameter(layer.weight.new_zeros(layer.out_channels))
    return model


def _peft(config: str, **settings) -> Callable[[nn.Module, Setting], nn.Module]:
    def adapted(model: nn.Module, setting: Setting) -> nn.Module:
        peft = peft_library()
        found = {
            name: setting.rank * value if name in ("lora_alpha", "alpha") else value
            for name, value in settings.items()
        }
        made = getattr(peft, config)(target_modules=list(setting.layers), r=setting.rank, **found)
        return peft.get_peft_model(model, made)

    return adapted


METHODS: dict[str, Callable[[nn.Module, Setting], nn.Module]] = {
    "flora": flora,
    "flora_diagonal": lambda model, setting: flora(model, setting, core="diagonal"),
    "flora_orthogonal": lambda model, setting: flora(model, setting, core="orthogonal"),
    "flora_zero_factor": lambda model, setting: flora(model, setting, start="zero_factor"),
    "flora_whole_kernel": lambda model, setting: flora(model, setting, spatial=False),
    "flora_keeping": lambda model, setting: flora(model, setting, recompute=False),
    "view": view,
    "lora": _peft("LoraConfig", lora_alpha=2),
    "dora": _peft("LoraConfig", lora_alpha=2, use_dora=True),
    "loha": _peft("LoHaConfig", alpha=2, use_effective_conv2d=True),
    "lokr": _peft("LoKrConfig", alpha=2, use_effective_conv2d=True),
    "bitfit": bitfit,
    "head": head,
    "full": full,
    "none": none,
}


def adapt_network(model: nn.Module, name: str, setting: Setting) -> nn.Module:
    """Adapt in place.

    Raises:
        InvalidInputError: there is no such method, or the setting does not fit the layers.
        UserError: the method is peft's, which is not installed.
    """
    if name not in METHODS:
        raise InvalidInputError(f"task.method={name!r}; allowed: {', '.join(METHODS)}.")
    return METHODS[name](model, setting)


@torch.no_grad()
def changes(
    model: nn.Module, layers: tuple[str, ...], before: dict[str, Tensor]
) -> dict[str, Tensor]:
    """What each convolution's weight has changed by, whatever the method."""
    inner = model.base_model.model if hasattr(model, "base_model") else model
    found = {}
    for name in layers:
        layer = inner.get_submodule(name)
        if isinstance(layer, AdaptedLayer):
            found[name] = layer.adapter.change().view(before[name].shape)
        elif hasattr(layer, "get_delta_weight"):
            found[name] = _merged_change(layer, before[name])
        else:
            found[name] = layer.weight - before[name]
    return found


def _merged_change(layer: nn.Module, before: Tensor) -> Tensor:
    """Of a layer of peft's: what merging does to its weight; a magnitude is part of it."""
    layer.merge()
    change = layer.get_base_layer().weight - before
    layer.unmerge()
    layer.get_base_layer().weight.data.copy_(before)
    return change
