"""LoLDU as a tuner of peft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from common.adapters.tuner import TunerConfig, TunerLayer, TunerModel, register_tuner
from papers.loldu.models import LoLDUMethod


@dataclass
class LoLDUConfig(TunerConfig):
    """`get_peft_model(model, LoLDUConfig(r=64, target_modules=["query", "value"]))`.

    Attributes:
        r: trained pivots of a layer.
        alpha: the update is scaled by alpha / r; None takes r.
        init, atoms, decay, train_scale, seed: see `LoLDUMethod`.
    """

    peft_name: ClassVar[str] = "STRUCTLAB_LOLDU"

    r: int = 64
    alpha: float | None = None
    init: str = "ldu"
    atoms: str = "ldu"
    decay: str = "delta"
    train_scale: bool = False
    seed: int = 0

    def method(self) -> LoLDUMethod:
        """The method with these settings."""
        return LoLDUMethod(
            rank=self.r,
            alpha=self.alpha,
            init=self.init,
            atoms=self.atoms,
            decay=self.decay,
            train_scale=self.train_scale,
            seed=self.seed,
        )


class LoLDULayer(TunerLayer):
    """A layer with its trained pivots beside it."""

    adapter_layer_names = ("structlab_loldu_adapter",)


class LoLDUModel(TunerModel):
    """A model with trained pivots in the layers that its configuration names."""

    prefix = "structlab_loldu_"
    tuner_layer_cls = LoLDULayer


register_tuner(LoLDUConfig, LoLDUModel)
