"""A layer whose weight an adapter changes: what its weight looks like, and how inputs meet it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from common.errors import InvalidInputError

Kind = Literal["linear", "convolution", "embedding"]

_CONVOLUTIONS = {nn.Conv1d: F.conv1d, nn.Conv2d: F.conv2d, nn.Conv3d: F.conv3d}
SUPPORTED = "Linear, Conv1d, Conv2d, Conv3d, Embedding and transformers' Conv1D"


def is_conv1d(module: nn.Module) -> bool:
    """Whether it is GPT-2's layer, which holds its weight as (in, out).

    The class stands in a library that need not be installed.
    """
    named = type(module).__name__ == "Conv1D" and not isinstance(module, nn.Conv1d)
    return named and getattr(module, "weight", None) is not None and module.weight.ndim == 2


def kind_of(module: nn.Module) -> Kind | None:
    """What kind of layer it is to an adapter; None where none can be."""
    if type(module) in (nn.Linear, torch.nn.modules.linear.NonDynamicallyQuantizableLinear):
        return "linear"
    if is_conv1d(module):
        return "linear"
    if type(module) in _CONVOLUTIONS:
        return "convolution"
    return "embedding" if type(module) is nn.Embedding else None


@dataclass(frozen=True)
class Site:
    """A layer and its weight, as (out, in / groups, *kernel); an embedding's as (rows, width).

    Attributes:
        name: of the layer, for messages.
        layer: it stays where it is; only its weight is ever written, by :meth:`add_`.
        kind: see :func:`kind_of`.
    """

    name: str
    layer: nn.Module
    kind: Kind

    @property
    def weight(self) -> Float[Tensor, "out rest ..."]:
        """The layer's weight without its history; a view of the layer's own numbers."""
        weight = self.layer.weight.detach()
        return weight.mT if is_conv1d(self.layer) else weight

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the weight."""
        return tuple(self.weight.shape)

    @property
    def matrix_shape(self) -> tuple[int, int]:
        """Of the weight with all but its first mode in one: what factors multiply to."""
        rows, *rest = self.shape
        return rows, torch.Size(rest).numel()

    @property
    def depthwise_like(self) -> bool:
        """Whether an output sees a part of the inputs only, so that factors do not act in turn."""
        return self.kind == "convolution" and self.layer.groups > 1

    @torch.no_grad()
    def add_(
        self, left: Float[Tensor, "out rank"], right: Float[Tensor, "rank rest"], sign: float
    ) -> None:
        """Add ``sign * left @ right`` to the layer's weight, in place.

        A float32 or float64 weight is added to without a second matrix of its size. A weight in
        half precision, or one whose numbers do not lie as a matrix (channels last), is added to
        some rows at a time: rounded once, not twice.
        """
        weight = self.weight
        if weight.dtype in (torch.float32, torch.float64) and _lies_as_matrix(weight):
            flat = weight if weight.ndim == 2 else weight.view(self.matrix_shape)
            flat.addmm_(left.to(flat.dtype), right.to(flat.dtype), alpha=sign)
            return
        for rows, changed in self._changed_rows(left, right, sign):
            weight[rows] = changed

    def overflows(self, left: Float[Tensor, "out rank"], right: Float[Tensor, "rank rest"]) -> bool:
        """Whether the changed weight would hold NaN or infinity in the weight's own dtype."""
        parts = self._changed_rows(left, right, 1.0)
        return not all(bool(changed.isfinite().all()) for _, changed in parts)

    def _changed_rows(
        self, left: Tensor, right: Tensor, sign: float
    ) -> Iterator[tuple[slice, Tensor]]:
        """The weight with ``sign * left @ right``, a few rows at a time, in the weight's dtype."""
        weight = self.weight
        dtype = torch.promote_types(weight.dtype, torch.float32)
        right = right.to(dtype)
        step = max(1, min(256, weight.shape[0] // 32))
        for start in range(0, weight.shape[0], step):
            rows = slice(start, start + step)
            flat = weight[rows].to(dtype).reshape(-1, right.shape[1])
            exact = torch.addmm(flat, left[rows].to(dtype), right, alpha=sign)
            yield rows, exact.to(weight.dtype).view(weight[rows].shape)

    def apply(self, x: Shaped[Tensor, "..."], weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """What the layer would give with this weight and bias.

        Args:
            x: the layer's input; whole numbers for an embedding.
            weight: of :attr:`shape`.
            bias: (out,); an embedding has none.
        """
        if self.kind == "linear":
            return F.linear(x, weight, bias)
        layer = self.layer
        if self.kind == "embedding":
            return F.embedding(x, weight, layer.padding_idx)
        return self.convolve(x, weight, bias)

    def convolve(
        self, x: Tensor, weight: Tensor, bias: Tensor | None = None, groups: int | None = None
    ) -> Tensor:
        """The layer's convolution, padding and all, with another weight."""
        layer = self.layer
        padding = layer.padding
        if layer.padding_mode != "zeros":
            x = F.pad(x, layer._reversed_padding_repeated_twice, mode=layer.padding_mode)
            padding = 0
        return _CONVOLUTIONS[type(layer)](
            x,
            weight,
            bias,
            layer.stride,
            padding,
            layer.dilation,
            layer.groups if groups is None else groups,
        )

    def side(
        self,
        x: Shaped[Tensor, "..."],
        left: Float[Tensor, "out rank"],
        right: Float[Tensor, "rank rest"],
    ) -> Tensor:
        """The layer without bias, of weight ``left @ right``: two thin layers if without groups."""
        if self.kind == "linear":
            return F.linear(F.linear(x, right), left)
        if self.kind == "embedding":
            return F.embedding(x, left, self.layer.padding_idx) @ right
        if self.layer.groups > 1:
            return self.convolve(x, (left @ right).view(self.shape))
        narrow = self.convolve(x, right.view(-1, *self.shape[1:]))
        return _CONVOLUTIONS[type(self.layer)](narrow, left.view(*left.shape, *self._ones))

    @property
    def _ones(self) -> tuple[int, ...]:
        return (1,) * (len(self.shape) - 2)


def _lies_as_matrix(weight: Tensor) -> bool:
    return weight.ndim == 2 or weight.is_contiguous()


def site(name: str, layer: nn.Module) -> Site:
    """The layer as a place for an adapter.

    Raises:
        InvalidInputError: the layer is of another kind, its weight is not of floating point, or it
            rescales its own weight.
    """
    kind = kind_of(layer)
    if kind is None:
        raise InvalidInputError(
            f"{name} is a {type(layer).__name__}, which no adapter fits. Allowed: {SUPPORTED}."
        )
    weight = layer.weight
    if not weight.is_floating_point():
        raise InvalidInputError(
            f"The weight of {name} is of {weight.dtype}. An adapter is added to weights of "
            f"floating point: load the model without quantisation, or turn the layer back first."
        )
    if kind == "embedding" and layer.max_norm is not None:
        raise InvalidInputError(
            f"{name} rescales its rows to max_norm={layer.max_norm} as it reads them; a frozen "
            f"weight does not change. Set max_norm=None."
        )
    return Site(name, layer, kind)
