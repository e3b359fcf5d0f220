"""The ways to put a convolution in factors: its matrix, its modules, what a rank costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from common.compression import matrices
from common.compression.factorised import (
    ChannelConv2d,
    DecoupledConv2d,
    LowRankLinear,
    SpatialConv2d,
    refuse_grouped,
)
from common.compression.truncation import Factors, svd

Shape = tuple[int, int, int, int]


@dataclass(frozen=True)
class ConvForm:
    """One way to read a convolution's weight as a matrix, or as one a filter.

    Attributes:
        matrix: weight -> matrix or matrices.
        weight: matrix and the weight's shape -> weight.
        build: factors cut to a rank, and the convolution -> the module.
        unit: the convolution -> parameters of one rank.
        unit_macs: the convolution -> multiply-adds of one rank for each output position, those at
            stride 1 of the first factor included.
    """

    name: str
    matrix: Callable[[Tensor], Tensor]
    weight: Callable[[Tensor, Shape], Tensor]
    build: Callable[[Factors, nn.Conv2d], nn.Module]
    unit: Callable[[nn.Conv2d], int]
    unit_macs: Callable[[nn.Conv2d], int]

    def factors(self, conv: nn.Conv2d) -> Factors:
        """Singular value decomposition of the matrix, or of each filter's.

        Raises:
            ValueError: the convolution is grouped: its weight is several matrices.
        """
        refuse_grouped(conv)
        return svd(self.matrix(conv.weight.detach()))

    def largest_rank(self, conv: nn.Conv2d) -> int:
        """At which the factors are the weight."""
        return min(self.matrix(conv.weight).shape[-2:])

    def factorise(self, conv: nn.Conv2d, rank: int) -> nn.Module:
        """The convolution's best approximation of a rank, in factors.

        Raises:
            ValueError: the rank is out of range, or the convolution is grouped.
        """
        most = self.largest_rank(conv)
        if not 0 <= rank <= most:
            raise ValueError(f"rank={rank}; allowed for this layer: 0 to {most}")
        return self.build(self.factors(conv).to_rank(rank), conv)

    def project(
        self, weight: Float[Tensor, "n c h w"], factors: Factors
    ) -> Float[Tensor, "n c h w"]:
        """The weight of shape like ``weight`` that these factors make."""
        return self.weight(factors.product(), tuple(weight.shape)).to(weight.dtype)


def _channel(factors: Factors, conv: nn.Conv2d) -> ChannelConv2d:
    second, first = factors.balanced()
    shape = (first.shape[0], conv.in_channels, *conv.kernel_size)
    return ChannelConv2d(*_as(conv, first.reshape(shape), second), conv, conv.bias)


def _spatial(factors: Factors, conv: nn.Conv2d) -> SpatialConv2d:
    rank, (h, w) = factors.S.shape[0], conv.kernel_size
    first = factors.U.reshape(conv.in_channels, h, rank).permute(2, 0, 1)[..., None]
    scaled = factors.S[:, None] * factors.Vh
    second = scaled.reshape(rank, conv.out_channels, w).permute(1, 0, 2)[:, :, None]
    return SpatialConv2d(*_as(conv, first, second), conv, conv.bias)


def _decoupled(factors: Factors, conv: nn.Conv2d) -> DecoupledConv2d:
    pointwise, depthwise = factors.balanced()
    pointwise = pointwise.permute(2, 0, 1)
    depthwise = depthwise.permute(1, 0, 2).unflatten(-1, conv.kernel_size)
    return DecoupledConv2d(*_as(conv, pointwise, depthwise), conv, conv.bias)


def _as(conv: nn.Conv2d, *tensors: Tensor) -> list[Tensor]:
    return [tensor.to(conv.weight).contiguous() for tensor in tensors]


def _channel_unit(conv: nn.Conv2d) -> int:
    return conv.in_channels * _area(conv) + conv.out_channels


def _spatial_unit(conv: nn.Conv2d) -> int:
    h, w = conv.kernel_size
    return conv.in_channels * h + conv.out_channels * w


def _spatial_macs(conv: nn.Conv2d) -> int:
    # The first factor is strided down only: it runs at every column.
    (h, w), across = conv.kernel_size, conv.stride[1]
    return across * conv.in_channels * h + conv.out_channels * w


def _decoupled_unit(conv: nn.Conv2d) -> int:
    return conv.out_channels * (conv.in_channels + _area(conv))


def _decoupled_macs(conv: nn.Conv2d) -> int:
    # The 1 x 1 comes first and runs at every input position.
    down, across = conv.stride
    return conv.out_channels * (down * across * conv.in_channels + _area(conv))


def _area(conv: nn.Conv2d) -> int:
    h, w = conv.kernel_size
    return h * w


CHANNEL = ConvForm(
    "channel",
    matrices.channel_matrix,
    matrices.channel_weight,
    _channel,
    _channel_unit,
    _channel_unit,
)
SPATIAL = ConvForm(
    "spatial",
    matrices.spatial_matrix,
    matrices.spatial_weight,
    _spatial,
    _spatial_unit,
    _spatial_macs,
)
DECOUPLED = ConvForm(
    "decoupled",
    matrices.filter_matrices,
    matrices.filter_weight,
    _decoupled,
    _decoupled_unit,
    _decoupled_macs,
)
FORMS = {form.name: form for form in (CHANNEL, SPATIAL, DECOUPLED)}


def dense_macs(conv: nn.Conv2d) -> int:
    """Multiply-adds of a convolution for each output position, its bias not counted."""
    return conv.out_channels * conv.in_channels // conv.groups * _area(conv)


class LinearForm:
    """The one way to put a linear layer in factors, with the questions of a :class:`ConvForm`."""

    name = "linear"

    def factors(self, layer: nn.Linear) -> Factors:
        """Singular value decomposition of the weight."""
        return svd(layer.weight.detach())

    def largest_rank(self, layer: nn.Linear) -> int:
        """At which the factors are the weight."""
        return min(layer.weight.shape)

    def build(self, factors: Factors, layer: nn.Linear) -> LowRankLinear:
        """The layer of these factors, sqrt(S) on each side, its bias kept."""
        second, first = (part.to(layer.weight).contiguous() for part in factors.balanced())
        return LowRankLinear(first, second, layer.bias)

    def unit(self, layer: nn.Linear) -> int:
        """Parameters of one rank, and multiply-adds of one for each row."""
        return sum(layer.weight.shape)

    unit_macs = unit


LINEAR = LinearForm()


def form_of(layer: nn.Module, convolutions: ConvForm) -> ConvForm | LinearForm:
    """That of a linear layer, or the given one of a convolution."""
    return convolutions if isinstance(layer, nn.Conv2d) else LINEAR


def macs_at_a_position(layer: nn.Module) -> int:
    """Multiply-adds of a dense layer for each row or output position, its bias not counted."""
    return dense_macs(layer) if isinstance(layer, nn.Conv2d) else layer.weight.numel()
