"""Layers in factors, each a plain module that trains, exports and merges back into one layer."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from common.compression.matrices import filter_weight, spatial_weight


class LowRankLinear(nn.Module):
    """``y = second (first x) + bias``: a linear layer of rank r.

    Args:
        first: (r, in).
        second: (out, r). Rank 0 is allowed: the layer then gives its bias.
        bias: (out,) or None.
    """

    def __init__(
        self,
        first: Float[Tensor, "r n"],
        second: Float[Tensor, "m r"],
        bias: Float[Tensor, " m"] | None = None,
    ):
        super().__init__()
        self.first = nn.Parameter(first.detach().clone())
        self.second = nn.Parameter(second.detach().clone())
        self.bias = None if bias is None else nn.Parameter(bias.detach().clone())

    @property
    def rank(self) -> int:
        """Width between the factors."""
        return self.first.shape[0]

    def forward(self, x: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch m"]:
        return F.linear(F.linear(x, self.first), self.second, self.bias)

    def merged(self) -> nn.Linear:
        """The same map as one layer."""
        out, inputs = self.second.shape[0], self.first.shape[1]
        layer = nn.Linear(inputs, out, self.bias is not None).to(self.first)
        with torch.no_grad():
            layer.weight.copy_(self.second @ self.first)
            if self.bias is not None:
                layer.bias.copy_(self.bias)
        return layer

    def extra_repr(self) -> str:
        out, inputs = self.second.shape[0], self.first.shape[1]
        return f"{inputs}, {out}, rank={self.rank}, bias={self.bias is not None}"


class _FactorisedConv2d(nn.Module):
    """What convolutions in factors share: geometry, bias, and that rank 0 gives the bias alone."""

    def __init__(self, like: nn.Conv2d, bias: Tensor | None):
        super().__init__()
        refuse_grouped(like)
        self.in_channels, self.out_channels = like.in_channels, like.out_channels
        self.kernel_size = tuple(like.kernel_size)
        self.stride, self.padding = tuple(like.stride), padding_of(like)
        self.dilation = tuple(like.dilation)
        self.bias = None if bias is None else nn.Parameter(bias.detach().clone())

    def weight(self) -> Float[Tensor, "n c h w"]:
        """The weight of the one layer that computes the same."""
        raise NotImplementedError

    def merged(self) -> nn.Conv2d:
        """The same map as one layer."""
        weight = self.weight()
        layer = nn.Conv2d(
            self.in_channels,
            self.out_channels,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            bias=self.bias is not None,
        ).to(weight)
        with torch.no_grad():
            layer.weight.copy_(weight)
            if self.bias is not None:
                layer.bias.copy_(self.bias)
        return layer

    def _bias_map(self, x: Tensor) -> Tensor:
        """What is left at rank 0: the bias at every position."""
        height, width = (
            (size + 2 * p - d * (k - 1) - 1) // s + 1
            for size, p, d, k, s in zip(
                x.shape[-2:],
                self.padding,
                self.dilation,
                self.kernel_size,
                self.stride,
                strict=True,
            )
        )
        bias = x.new_zeros(self.out_channels) if self.bias is None else self.bias
        return bias[:, None, None].expand(*x.shape[:-3], self.out_channels, height, width)

    def extra_repr(self) -> str:
        return (
            f"{self.in_channels}, {self.out_channels}, rank={self.rank}, "
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"
        )


class ChannelConv2d(_FactorisedConv2d):
    """r filters of the whole kernel, then a 1 x 1 convolution (Zhang et al. 2016).

    The first carries stride, padding and dilation, the second the bias.

    Args:
        first: (r, c, h, w).
        second: (n, r).
        like: the convolution whose geometry it takes over.
        bias: (n,) or None.
    """

    def __init__(
        self,
        first: Float[Tensor, "r c h w"],
        second: Float[Tensor, "n r"],
        like: nn.Conv2d,
        bias: Float[Tensor, " n"] | None,
    ):
        super().__init__(like, bias)
        self.first = nn.Parameter(first.detach().clone())
        self.second = nn.Parameter(second.detach().clone())

    @property
    def rank(self) -> int:
        """Channels between the factors."""
        return self.first.shape[0]

    def forward(self, x: Float[Tensor, "b c y x"]) -> Float[Tensor, "b n v u"]:
        if self.rank == 0:
            return self._bias_map(x)
        x = F.conv2d(x, self.first, None, self.stride, self.padding, self.dilation)
        return F.conv2d(x, self.second[:, :, None, None], self.bias)

    def weight(self) -> Float[Tensor, "n c h w"]:
        return torch.einsum("nr,rchw->nchw", self.second, self.first)


class SpatialConv2d(_FactorisedConv2d):
    """r filters h x 1, then n filters 1 x w (Jaderberg et al. 2014).

    Each carries its own direction's stride, padding and dilation, the second the bias.

    Args:
        first: (r, c, h, 1).
        second: (n, r, 1, w).
        like: the convolution whose geometry it takes over.
        bias: (n,) or None.
    """

    def __init__(
        self,
        first: Float[Tensor, "r c h 1"],
        second: Float[Tensor, "n r 1 w"],
        like: nn.Conv2d,
        bias: Float[Tensor, " n"] | None,
    ):
        super().__init__(like, bias)
        self.first = nn.Parameter(first.detach().clone())
        self.second = nn.Parameter(second.detach().clone())

    @property
    def rank(self) -> int:
        """Channels between the factors."""
        return self.first.shape[0]

    def forward(self, x: Float[Tensor, "b c y x"]) -> Float[Tensor, "b n v u"]:
        if self.rank == 0:
            return self._bias_map(x)
        (sy, sx), (py, px), (dy, dx) = self.stride, self.padding, self.dilation
        x = F.conv2d(x, self.first, None, (sy, 1), (py, 0), (dy, 1))
        return F.conv2d(x, self.second, self.bias, (1, sx), (0, px), (1, dx))

    def weight(self) -> Float[Tensor, "n c h w"]:
        left = self.first[..., 0].permute(1, 2, 0).flatten(0, 1)
        right = self.second[:, :, 0].permute(1, 0, 2).flatten(1)
        shape = (self.out_channels, self.in_channels, *self.kernel_size)
        return spatial_weight(left @ right, shape)


class DecoupledConv2d(_FactorisedConv2d):
    """The sum of r paths, each a 1 x 1 convolution to n channels and a depthwise kernel on each
    (network decoupling, Guo et al. 2018).

    Args:
        pointwise: (r, n, c).
        depthwise: (r, n, h, w).
        like: the convolution whose geometry it takes over.
        bias: (n,) or None.
    """

    def __init__(
        self,
        pointwise: Float[Tensor, "r n c"],
        depthwise: Float[Tensor, "r n h w"],
        like: nn.Conv2d,
        bias: Float[Tensor, " n"] | None,
    ):
        super().__init__(like, bias)
        self.pointwise = nn.Parameter(pointwise.detach().clone())
        self.depthwise = nn.Parameter(depthwise.detach().clone())

    @property
    def rank(self) -> int:
        """Number of paths."""
        return self.pointwise.shape[0]

    def forward(self, x: Float[Tensor, "b c y x"]) -> Float[Tensor, "b n v u"]:
        if self.rank == 0:
            return self._bias_map(x)
        # All paths at once; the second convolution is depthwise on their n r channels.
        x = F.conv2d(x, self.pointwise.flatten(0, 1)[:, :, None, None])
        x = F.conv2d(
            x,
            self.depthwise.flatten(0, 1)[:, None],
            None,
            self.stride,
            self.padding,
            self.dilation,
            groups=x.shape[1],
        )
        x = x.unflatten(1, (self.rank, self.out_channels)).sum(1)
        return x if self.bias is None else x + self.bias[:, None, None]

    def weight(self) -> Float[Tensor, "n c h w"]:
        matrices = torch.einsum("rnc,rnk->nck", self.pointwise, self.depthwise.flatten(2))
        shape = (self.out_channels, self.in_channels, *self.kernel_size)
        return filter_weight(matrices, shape)


def refuse_grouped(conv: nn.Conv2d) -> None:
    """Raises ValueError for a convolution whose weight is several matrices, not one."""
    if conv.groups != 1:
        raise ValueError(
            f"a convolution with groups={conv.groups} cannot be factorised; groups must be 1"
        )
    if conv.padding_mode != "zeros":
        raise ValueError(f"padding_mode={conv.padding_mode!r} cannot be factorised; needed: zeros")


def padding_of(conv: nn.Conv2d) -> tuple[int, int]:
    """In numbers, also where it is given by name; the same on both sides.

    Raises:
        ValueError: ``same`` padding that is not the same on both sides.
    """
    if conv.padding == "valid":
        return 0, 0
    if conv.padding == "same":
        reach = [d * (k - 1) for d, k in zip(conv.dilation, conv.kernel_size, strict=True)]
        if any(r % 2 for r in reach):
            raise ValueError("padding='same' with an even kernel pads one side more: not supported")
        return reach[0] // 2, reach[1] // 2
    return tuple(conv.padding)
