"""A method of adaptation as a tuner of `peft`: save, load, merge, several at once, as peft's own.

A paper derives three short classes, and registers them:

    @dataclass
    class XConfig(TunerConfig):
        peft_name: ClassVar[str] = "STRUCTLAB_X"
        ... settings ...
        def method(self): return XMethod(...)

    class XLayer(TunerLayer):
        adapter_layer_names = ("structlab_x_adapter",)

    class XModel(TunerModel):
        prefix = "structlab_x_"
        tuner_layer_cls = XLayer

    register_tuner(XConfig, XModel)
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from common.adapters.adapter import Adapter
from common.adapters.forward import adapted, changed_weight
from common.adapters.method import AdapterMethod
from common.adapters.peft_library import peft_library, register
from common.adapters.plain import refuse_not_finite, refuse_training
from common.adapters.sites import Site, is_conv1d, site
from common.adapters.targets import refuse_tied
from common.errors import InvalidInputError

peft_library()
from peft import PeftConfig  # noqa: E402  (the line above says what to install)
from peft.tuners.tuners_utils import (  # noqa: E402
    BaseTuner,
    BaseTunerLayer,
    _maybe_include_all_linear_layers,
    check_adapters_to_merge,
)


@dataclass
class TunerConfig(PeftConfig):
    """What every tuner's configuration has; settings of the method are added by its paper.

    Attributes:
        target_modules: names of layers, of which each is the end of a full name, or one regular
            expression for the whole name, or "all-linear".
        exclude_modules: likewise, of those that are left alone.
        layers_to_transform: indices of the blocks that are adapted.
        layers_pattern: name of the list of blocks.
        modules_to_save: parts that are trained as they are and saved with the adapter: a head.
        bias: "none", "all", or "adapted_only": which biases are trained besides.
        dropout: part of an adapter's input that is set to 0 in training.
    """

    peft_name: ClassVar[str]

    target_modules: list[str] | str | None = None
    exclude_modules: list[str] | str | None = None
    layers_to_transform: list[int] | int | None = None
    layers_pattern: list[str] | str | None = None
    modules_to_save: list[str] | None = field(default=None)
    bias: str = "none"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.peft_type = self.peft_name
        for name in ("target_modules", "exclude_modules"):
            if isinstance(getattr(self, name), list):
                setattr(self, name, set(getattr(self, name)))
        if not 0 <= self.dropout < 1:
            raise InvalidInputError(f"dropout={self.dropout}; allowed: 0 to below 1.")
        if self.bias not in ("none", "all", "adapted_only"):
            raise InvalidInputError(f"bias={self.bias!r}; allowed: none, all, adapted_only.")
        self.method().validate()

    def method(self) -> AdapterMethod:
        """The paper's method with these settings."""
        raise NotImplementedError


class TunerLayer(nn.Module, BaseTunerLayer):
    """A frozen layer and its adapters by name.

    A subclass names the one attribute that holds the adapters, which begins with the tuner's
    prefix: peft finds what it trains and saves by it.
    """

    other_param_names = ("dropouts",)

    def __init__(self, place: Site, active: list[str]):
        super().__init__()
        self.base_layer = place.layer
        self._name = place.name
        self._disable_adapters = False
        self.merged_adapters: list[str] = []
        self._active_adapter = list(active)
        setattr(self, self.adapter_layer_names[0], nn.ModuleDict())
        self.dropouts = nn.ModuleDict()

    @property
    def adapters(self) -> nn.ModuleDict:
        """By the name under which each was added."""
        return getattr(self, self.adapter_layer_names[0])

    @property
    def site(self) -> Site:
        """The layer as an adapter sees it."""
        return site(self._name, self.base_layer)

    @property
    def in_features(self) -> int:
        """Columns of the weight's matrix; channels of a group of a convolution."""
        return self.site.shape[1]

    @property
    def out_features(self) -> int:
        """Rows of the weight."""
        return self.site.shape[0]

    @property
    def weight(self) -> Tensor:
        """The weight with all active changes, for code that reads it instead of calling."""
        names = [] if self.disable_adapters or self.merged else self._active_names()
        if not names:
            return self.base_layer.weight
        weight = changed_weight(self.site, [self.adapters[name] for name in names])
        return weight.mT if is_conv1d(self.base_layer) else weight

    def update_layer(self, name: str, adapter: Adapter, dropout: float, frozen: bool) -> None:
        """Add an adapter, or put it in the place of one of the same name."""
        self.adapters[name] = adapter
        self.dropouts[name] = nn.Dropout(dropout) if dropout else nn.Identity()
        self.train(self.base_layer.training)
        self.set_adapter(self.active_adapters, inference_mode=frozen)

    def get_delta_weight(self, name: str) -> Tensor:
        """The change that one adapter makes, in the layout of the layer's own weight."""
        change = self.adapters[name].change().view(self.site.shape)
        return change.mT if is_conv1d(self.base_layer) else change

    @torch.no_grad()
    def merge(self, safe_merge: bool = False, adapter_names: list[str] | None = None) -> None:
        """Add changes to the weight, in place; those that stand in it already are passed over.

        Args:
            safe_merge: look for NaN and infinity before the weight is touched.
            adapter_names: which; None takes the active ones.

        Raises:
            InvalidInputError: a change is not finite and `safe_merge` was asked for.
        """
        names = [n for n in check_adapters_to_merge(self, adapter_names) if n in self.adapters]
        if safe_merge:
            for name in names:
                refuse_not_finite(self.adapters[name], self.site)
        for name in names:
            self.site.add_(*self.adapters[name].factors(), sign=1.0)
            self.merged_adapters.append(name)

    @torch.no_grad()
    def unmerge(self) -> None:
        """Take every merged change out of the weight again, up to rounding."""
        if not self.merged:
            warnings.warn("Already unmerged. Nothing to do.", stacklevel=2)
        while self.merged_adapters:
            name = self.merged_adapters.pop()
            if name in self.adapters:
                self.site.add_(*self.adapters[name].factors(), sign=-1.0)

    def forward(self, x: Shaped[Tensor, "..."], *args: Any, **kwargs: Any) -> Tensor:
        """The layer's output with every active change.

        Raises:
            InvalidInputError: a training step while merged, which no adapter would see; or
                arguments besides the input, which none of these layers has.
        """
        if self.disable_adapters:
            if self.merged:
                self.unmerge()
            return self.base_layer(x, *args, **kwargs)
        if self.merged:
            refuse_training(self, self._name)
            return self.base_layer(x, *args, **kwargs)
        if args or kwargs:
            raise InvalidInputError(
                f"{self._name} with adapters takes its input alone; given besides: "
                f"{', '.join(map(str, (*args, *kwargs)))}."
            )
        names = self._active_names()
        adapters = [self.adapters[name] for name in names]
        return adapted(x, self.site, adapters, [self.dropouts[name] for name in names])

    def supports_lora_conversion(self, adapter_name: str = "default") -> bool:
        """Every change is added to the weight; peft may turn it into a LoRA."""
        return self.site.kind == "linear"

    def _active_names(self) -> list[str]:
        return [name for name in self.active_adapters if name in self.adapters]


class TunerModel(BaseTuner):
    """A model with tuner layers in place of the layers that a configuration names."""

    prefix: str
    tuner_layer_cls: type[TunerLayer]
    target_module_mapping: ClassVar[dict] = {}
    # A tuner whose adapters share frozen parts says True: peft then refuses to inject it unshared.
    uses_shared_state = False

    def inject_adapter(
        self, model: nn.Module, adapter_name: str, *args: Any, **kwargs: Any
    ) -> None:
        """As peft has it; what does not fit is refused before the first layer is replaced."""
        self._build(model, self.peft_config[adapter_name])
        super().inject_adapter(model, adapter_name, *args, **kwargs)

    def _build(self, model: nn.Module, config: TunerConfig) -> None:
        config = self._prepare_adapter_config(config, self.get_model_config(model))
        config = _maybe_include_all_linear_layers(config, model)
        method = config.method()
        self._places = self._targets(model, config)
        refuse_tied(model, self._places)
        for place in self._places.values():
            method.check(place)
        shared = method.shared(self._places) if self._places else None
        self._made = {
            key: method.build(place, shared, index)
            for index, (key, place) in enumerate(self._places.items())
        }

    def _targets(self, model: nn.Module, config: TunerConfig) -> dict[str, Site]:
        """Every layer that the configuration names; the insides of tuner layers are not layers."""
        found, inside = {}, []
        for key, module in model.named_modules():
            if any(key.startswith(outer) for outer in inside):
                continue
            if isinstance(module, BaseTunerLayer):
                inside.append(key + ".")
            if not key or not self._check_target_module_exists(config, key):
                continue
            if isinstance(module, TunerLayer):
                if module.merged:
                    raise InvalidInputError(
                        f"{key} holds a merged adapter: unmerge before another one is added."
                    )
                module = module.base_layer
            found[key] = site(key, module)
        return found

    def _create_and_replace(
        self,
        peft_config: TunerConfig,
        adapter_name: str,
        target: nn.Module,
        target_name: str,
        parent: nn.Module,
        current_key: str,
        **_: Any,
    ) -> None:
        if current_key not in self._made:
            raise InvalidInputError(
                f"{current_key} is in the saved entries and not among target_modules; there: "
                f"{', '.join(self._places)}."
            )
        adapter, layer = self._made.pop(current_key), target
        if not isinstance(target, TunerLayer):
            layer = self.tuner_layer_cls(self._places[current_key], self.active_adapters)
            self._replace_module(parent, target_name, layer, target)
        layer.update_layer(adapter_name, adapter, peft_config.dropout, peft_config.inference_mode)

    def _cast_adapter_dtype(self, adapter_name: str, autocast_adapter_dtype: bool = True) -> None:
        """Adapters are made in float32; without `autocast_adapter_dtype` they take the base's."""
        if autocast_adapter_dtype:
            return
        for module in self.model.modules():
            if isinstance(module, TunerLayer) and adapter_name in module.adapters:
                for parameter in module.adapters[adapter_name].parameters():
                    parameter.data = parameter.data.to(module.base_layer.weight.dtype)


def register_tuner(config: type[TunerConfig], model: type[TunerModel]) -> None:
    """Make a paper's tuner known to peft.

    Raises:
        UserError: see `common.adapters.peft_library.register`.
    """
    register(config.peft_name, model.prefix, config, model)
