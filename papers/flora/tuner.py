"""FLoRA as a tuner of peft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from common.adapters.tuner import TunerConfig, TunerLayer, TunerModel, register_tuner
from papers.flora.models import FLoRAMethod


@dataclass
class FloraConfig(TunerConfig):
    """`get_peft_model(model, FloraConfig(r=16, spatial_rank=2, target_modules=["conv1"]))`.

    Attributes:
        r: rank of the modes (out, in).
        spatial_rank: of each mode of a kernel.
        ranks: one for each mode, in place of both.
        scale, alpha, start, core, spatial, deviation, recompute, seed: see `FLoRAMethod`.
    """

    peft_name: ClassVar[str] = "STRUCTLAB_FLORA"

    r: int = 16
    spatial_rank: int = 2
    ranks: list[int] | None = None
    scale: float | None = None
    alpha: float | None = None
    start: str = "zero_core"
    core: str = "free"
    spatial: bool = True
    deviation: float | None = None
    recompute: bool = True
    seed: int = 0

    def method(self) -> FLoRAMethod:
        """The method with these settings."""
        return FLoRAMethod(
            rank=self.r,
            spatial_rank=self.spatial_rank,
            ranks=None if self.ranks is None else tuple(self.ranks),
            scale=self.scale,
            alpha=self.alpha,
            start=self.start,
            core=self.core,
            spatial=self.spatial,
            deviation=self.deviation,
            recompute=self.recompute,
            seed=self.seed,
        )


class FloraLayer(TunerLayer):
    """A layer with FLoRA beside it."""

    adapter_layer_names = ("structlab_flora_adapter",)


class FloraModel(TunerModel):
    """A model with FLoRA beside the layers that its configuration names."""

    prefix = "structlab_flora_"
    tuner_layer_cls = FloraLayer


register_tuner(FloraConfig, FloraModel)
