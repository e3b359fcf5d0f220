"""RandLoRA as a tuner of peft, under a name of its own beside peft's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from common.adapters.tuner import TunerConfig, TunerLayer, TunerModel, register_tuner
from papers.randlora.bases import Law
from papers.randlora.models import RandLoRAMethod


@dataclass
class RandLoraConfig(TunerConfig):
    """`get_peft_model(model, RandLoraConfig(r=8, target_modules=["query", "value"]))`.

    Attributes:
        r: of one basis; the larger, the fewer numbers are trained.
        alpha: the update is scaled by alpha / r.
        num_bases, scale_by_bases, init, seed, separate, save_bases, compact: see
            `RandLoRAMethod`.
        basis, sparsity: see `Law`.
    """

    peft_name: ClassVar[str] = "STRUCTLAB_RANDLORA"

    r: int = 32
    alpha: float = 640.0
    num_bases: int | None = None
    scale_by_bases: bool = False
    init: str = "lambda_zero"
    basis: str = "uniform"
    sparsity: float = 6.0
    seed: int = 0
    separate: bool = False
    save_bases: bool = False
    compact: bool = False

    def method(self) -> RandLoRAMethod:
        """The method with these settings."""
        return RandLoRAMethod(
            rank=self.r,
            num_bases=self.num_bases,
            alpha=self.alpha,
            scale_by_bases=self.scale_by_bases,
            init=self.init,
            law=Law(self.basis, self.sparsity),
            seed=self.seed,
            separate=self.separate,
            save_bases=self.save_bases,
            compact=self.compact,
        )


class RandLoraLayer(TunerLayer):
    """A linear layer with RandLoRA beside it."""

    adapter_layer_names = ("structlab_randlora_adapter",)


class RandLoraModel(TunerModel):
    """A model with RandLoRA beside the layers that its configuration names."""

    prefix = "structlab_randlora_"
    tuner_layer_cls = RandLoraLayer
    uses_shared_state = True


register_tuner(RandLoraConfig, RandLoraModel)
