"""LoRA for convolutions as loralib has it: a matrix product, its numbers in memory order."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from common.adapters.adapter import Adapter
from common.adapters.method import AdapterMethod
from common.adapters.sites import Site
from common.errors import InvalidInputError


class ViewLoRA(Adapter):
    """s (B A), (k out) x (k in / groups), reshaped to (out, in / groups, k, k): taps are scattered.

    r k^2 (in + out) numbers without groups.
    """

    def __init__(self, shape: tuple[int, ...], rank: int, scale: float, generator: torch.Generator):
        super().__init__()
        out, inputs, side = shape[:3]
        self.shape, self.scale = shape, scale
        bound = 1 / math.sqrt(side * inputs)
        start = bound * (2 * torch.rand(side * rank, side * inputs, generator=generator) - 1)
        self.a = nn.Parameter(start)
        self.b = nn.Parameter(torch.zeros(side * out, side * rank))

    def change(self) -> Float[Tensor, "out rest"]:
        """As a matrix of the weight's first mode and all others."""
        return self.scale * (self.b @ self.a).view(self.shape).flatten(1)

    def factors(self) -> tuple[Float[Tensor, "out out"], Float[Tensor, "out rest"]]:
        """The identity and the change: by rows it is no thin product."""
        change = self.change()
        return torch.eye(len(change), dtype=change.dtype, device=change.device), change

    def side(self, x: Tensor, site: Site) -> Tensor:
        """A second convolution with the change as its weight."""
        return site.convolve(x, self.change().view(self.shape))


@dataclass(frozen=True)
class ViewLoRAMethod(AdapterMethod):
    """Settings of this reading of LoRA.

    Attributes:
        rank: r.
        alpha: s is alpha / r; None takes 2 r.
        seed: of A.
    """

    title: ClassVar[str] = "LoRA by memory order"
    kinds: ClassVar[tuple[str, ...]] = ("convolution",)

    rank: int = 2
    alpha: float | None = None
    seed: int = 0

    def build(self, site: Site, shared: Any, index: int) -> ViewLoRA:
        """See `AdapterMethod.build`."""
        shape = site.shape
        if len(shape) != 4 or shape[2] != shape[3]:
            raise InvalidInputError(
                f"{site.name} has a weight of shape {shape}; {self.title} is defined for square "
                f"kernels of two modes."
            )
        scale = 2.0 if self.alpha is None else self.alpha / self.rank
        generator = torch.Generator().manual_seed(self.seed + index)
        adapter = ViewLoRA(shape, self.rank, scale, generator)
        return adapter.to(site.weight.device, torch.promote_types(site.weight.dtype, torch.float32))
