"""Adapters on any model, without another library: adapt, train, merge or remove."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from common.adapters.adapter import Adapter
from common.adapters.forward import adapted, changed_weight
from common.adapters.method import AdapterMethod
from common.adapters.sites import SUPPORTED, Site, is_conv1d, kind_of, site
from common.adapters.targets import refuse_tied
from common.compression import layers
from common.errors import InvalidInputError


class AdaptedLayer(nn.Module):
    """A frozen layer with one adapter.

    Attributes:
        base_layer: the layer; its weight changes only while merged.
        adapter: what is trained.
        merged: whether the change stands in the weight.
        settings: of the method that made the adapter, as text.
    """

    def __init__(self, place: Site, adapter: Adapter, settings: str, dropout: float = 0.0):
        super().__init__()
        self.settings = settings
        self.base_layer = place.layer
        self.adapter = adapter
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.merged = False
        self._name = place.name
        self.train(place.layer.training)

    @property
    def site(self) -> Site:
        """The layer as the adapter sees it."""
        return site(self._name, self.base_layer)

    @property
    def weight(self) -> Tensor:
        """The changed weight, for code that reads a layer's weight instead of calling the layer.

        torch's own attention does so, and its encoder layers in evaluation mode.
        """
        if self.merged:
            return self.base_layer.weight
        weight = changed_weight(self.site, [self.adapter])
        return weight.mT if is_conv1d(self.base_layer) else weight

    @property
    def bias(self) -> Tensor | None:
        """The layer's bias, if it has one."""
        return getattr(self.base_layer, "bias", None)

    def forward(self, x: Shaped[Tensor, "..."]) -> Tensor:
        """The layer's output with the change.

        Raises:
            InvalidInputError: a training step while merged, which the adapter would not see.
        """
        if self.merged:
            refuse_training(self, self._name)
            return self.base_layer(x)
        return adapted(x, self.site, [self.adapter], [self.dropout])


def adapt(
    model: nn.Module,
    method: AdapterMethod,
    *,
    include: Iterable[str] = ("*",),
    exclude: Iterable[str] = (),
    dropout: float = 0.0,
) -> dict[str, Adapter]:
    """Freeze a model and put an adapter beside every layer that is named; in place.

    Args:
        model: any module.
        method: what a paper proposes, with its settings.
        include: patterns of layers' names, ``encoder.*.query``; ``*`` takes every layer of a kind
            for which the method is defined.
        exclude: patterns of those that are left alone.
        dropout: part of an adapter's input that is set to 0 in training.

    Returns:
        the adapters by the layers' names; their parameters are all that requires a gradient.

    Raises:
        InvalidInputError: a pattern fits no layer, a layer does not fit the method, shares its
            weight with another, or is adapted already.
    """
    method.validate()
    if not 0 <= dropout < 1:
        raise InvalidInputError(f"dropout={dropout}; allowed: 0 to below 1.")
    if any(isinstance(module, AdaptedLayer) for module in model.modules()):
        raise InvalidInputError("The model is adapted already: merge or remove its adapters first.")
    kinds = tuple({type(m) for m in model.modules() if kind_of(m) in method.kinds})
    if not kinds:
        raise InvalidInputError(
            f"The model has no layer for {method.title}; it is defined for "
            f"{' and '.join(method.kinds)} layers ({SUPPORTED})."
        )
    include = tuple(include)
    found = layers.select(model, kinds, include=include, exclude=exclude)
    if include == ("*",):  # a subclass of a layer may compute something else; none asked for it
        found = {name: layer for name, layer in found.items() if kind_of(layer)}
    refuse_tied(model, found)
    sites = {name: site(name, layer) for name, layer in found.items()}
    shared = method.shared(sites)
    # All are built before the first is put in place: a layer that does not fit leaves no trace.
    made = {n: method.build(place, shared, i) for i, (n, place) in enumerate(sites.items())}
    model.requires_grad_(False)
    for name, adapter in made.items():
        layers.replace(model, name, AdaptedLayer(sites[name], adapter, repr(method), dropout))
    return made


@torch.no_grad()
def merge(model: nn.Module) -> None:
    """Add every change to its weight, in place; the adapters stay for :func:`unmerge`.

    Raises:
        InvalidInputError: a layer is merged already, or its changed weight would not be finite;
            then no weight is touched.
    """
    found = _adapted(model)
    for name, layer in found.items():
        if layer.merged:
            raise InvalidInputError(f"{name} is merged already: unmerge it first.")
        refuse_not_finite(layer.adapter, layer.site)
    for layer in found.values():
        layer.site.add_(*layer.adapter.factors(), sign=1.0)
        layer.merged = True


@torch.no_grad()
def unmerge(model: nn.Module) -> None:
    """Take every merged change out of its weight again, up to rounding."""
    for layer in _adapted(model).values():
        if layer.merged:
            layer.site.add_(*layer.adapter.factors(), sign=-1.0)
            layer.merged = False


def remove(model: nn.Module) -> nn.Module:
    """Put the layers back in their places, with what stands in their weights now.

    After :func:`merge` the model is the changed one, at no extra cost; otherwise its weights are
    what they were, bit for bit. Parameters stay frozen.
    """
    for name, layer in _adapted(model).items():
        layers.replace(model, name, layer.base_layer)
    return model


SETTINGS = "adapter_settings"


def adapter_state(model: nn.Module) -> dict[str, Tensor]:
    """What is to be saved: entries of the adapters alone, by name, and the method's settings.

    What several adapters share stands in it once.
    """
    found, held = {}, set()
    for name, layer in _adapted(model).items():
        for key, value in layer.adapter.state_dict().items():
            place = value.untyped_storage().data_ptr() if value.numel() else None
            if place is None or place not in held:
                found[f"{name}.adapter.{key}"] = value
            held.add(place)
        found[SETTINGS] = torch.tensor(list(layer.settings.encode()), dtype=torch.uint8)
    return found


def load_adapter_state(model: nn.Module, state: dict[str, Tensor]) -> None:
    """Read what :func:`adapter_state` gave into a model that is adapted in the same way.

    Raises:
        InvalidInputError: settings, names or shapes differ from the model's, an adapter refuses
            the entries, or the model is merged; nothing is changed then.
    """
    if any(layer.merged for layer in _adapted(model).values()):
        raise InvalidInputError("The model is merged: unmerge it before adapters are read.")
    own = adapter_state(model)
    missing, unknown = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    if missing or unknown:
        raise InvalidInputError(
            f"These adapters are of another method or of other layers. Missing: "
            f"{', '.join(missing) or 'none'}; unknown: {', '.join(unknown) or 'none'}."
        )
    theirs, ours = (bytes(part[SETTINGS].tolist()).decode() for part in (state, own))
    if theirs != ours:
        raise InvalidInputError(f"These adapters were made by {theirs}; this model's by {ours}.")
    for key, value in own.items():
        if value.shape != state[key].shape:
            raise InvalidInputError(
                f"{key} has shape {tuple(state[key].shape)}; this model's has {tuple(value.shape)}."
            )
    before = {key: value.clone() for key, value in own.items()}
    try:
        model.load_state_dict(_without_settings(state), strict=False)
    except RuntimeError as error:
        model.load_state_dict(_without_settings(before), strict=False)
        raise InvalidInputError(f"These adapters do not fit this model: {error}") from None


def _without_settings(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key: value for key, value in state.items() if key != SETTINGS}


def refuse_training(layer: nn.Module, name: str) -> None:
    """Raise where a gradient is asked of a layer whose change stands in its weight."""
    if layer.training and torch.is_grad_enabled():
        raise InvalidInputError(
            f"{name} is merged: a training step would not reach its adapter. Unmerge it, or call "
            f"model.eval() or use torch.no_grad()."
        )


def refuse_not_finite(adapter: Adapter, place: Site) -> None:
    """Raise where the changed weight would hold NaN or infinity, as half precision soon does."""
    if place.overflows(*adapter.factors()):
        raise InvalidInputError(
            f"The change of {place.name} is not finite, or too large for {place.weight.dtype}; "
            f"nothing was merged."
        )


def _adapted(model: nn.Module) -> dict[str, Any]:
    found = {n: m for n, m in model.named_modules() if isinstance(m, AdaptedLayer)}
    if not found:
        raise InvalidInputError("The model has no adapters; call adapt first.")
    return found
