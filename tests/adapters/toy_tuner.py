"""The toy as a tuner of peft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from common.adapters.tuner import TunerConfig, TunerLayer, TunerModel, register_tuner
from tests.adapters.toy import ToyMethod


@dataclass
class ToyConfig(TunerConfig):
    peft_name: ClassVar[str] = "STRUCTLAB_TOY"

    r: int = 1
    scale: float = 0.5

    def method(self) -> ToyMethod:
        return ToyMethod(self.r, self.scale)


class ToyLayer(TunerLayer):
    adapter_layer_names = ("structlab_toy_adapter",)


class ToyModel(TunerModel):
    prefix = "structlab_toy_"
    tuner_layer_cls = ToyLayer


register_tuner(ToyConfig, ToyModel)
