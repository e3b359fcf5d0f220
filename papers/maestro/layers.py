"""Layers that are kept in factors and can be cut to any rank at any step (Section 3).

``W = U V^T`` with U (out, r) and V (in, r); at width b the first b columns of both are used, as
views: a narrow pass costs b/r of a full one. They are stored transposed, a component a row, so that
a prefix is one piece of memory.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from common.compression.factorised import ChannelConv2d, LowRankLinear, refuse_grouped
from common.compression.forms import CHANNEL
from common.compression.truncation import svd


class Ordered(nn.Module):
    """What ordered layers share: factors, the components that are left, the width in use.

    Attributes:
        left: (r, out), U transposed.
        right: (r, in), V transposed; of a convolution ``in`` is channels times kernel.
        kept: (r,), components that have not been dropped; the others stay in the optimiser until
            :meth:`cut` takes them out.
        width: number of kept components that forward uses; None uses all.
    """

    def __init__(self, matrix: Float[Tensor, "m n"], bias: Float[Tensor, " m"] | None):
        super().__init__()
        # In double precision: what float32 loses here would be in every output from the start.
        left, right = svd(matrix.detach().double()).balanced()
        self.left = nn.Parameter(left.mT.to(matrix.dtype).contiguous())
        self.right = nn.Parameter(right.to(matrix.dtype).contiguous())
        self.bias = None if bias is None else nn.Parameter(bias.detach().clone())
        self.register_buffer("kept", torch.ones(len(self.left), dtype=torch.bool))
        self.width: int | None = None
        self._count()
        self.register_load_state_dict_post_hook(lambda module, _: module._count())

    @property
    def U(self) -> Float[Tensor, "m r"]:
        """Left factor, dropped components included."""
        return self.left.mT

    @property
    def V(self) -> Float[Tensor, "n r"]:
        """Right factor, dropped components included."""
        return self.right.mT

    @property
    def rank(self) -> int:
        """Number of components that are left."""
        return self._rank

    def factors(self) -> tuple[Float[Tensor, "m b"], Float[Tensor, "n b"]]:
        """U and V at the width in use."""
        left, right = self.rows()
        return left.mT, right.mT

    def rows(self) -> tuple[Float[Tensor, "b m"], Float[Tensor, "b n"]]:
        """The same as they are stored."""
        width = self.rank if self.width is None else min(self.width, self.rank)
        if self._chosen is None:
            return self.left[:width], self.right[:width]
        chosen = self._chosen[:width]
        return self.left[chosen], self.right[chosen]

    def keep(self, kept: Bool[Tensor, " r"]) -> None:
        """Drop components; what was dropped before stays so (ranks never grow back)."""
        self.kept &= kept
        self._count()

    def _count(self) -> None:
        # Once per change, not in each forward pass: on a GPU reading a number waits for it.
        self._rank = int(self.kept.sum())
        # Without hierarchy others than the last may go; then there is no prefix to slice.
        prefix = bool(self.kept[: self._rank].all())
        self._chosen = None if prefix else self.kept.nonzero()[:, 0]

    def dense_cost(self) -> int:
        """Parameters of the one layer."""
        return self.U.shape[0] * self.V.shape[0]

    def unit_cost(self) -> int:
        """Parameters of one component."""
        return self.U.shape[0] + self.V.shape[0]

    def cut(self) -> nn.Module:
        """A plain layer at the width in use: in factors where they are smaller, else in one."""
        raise NotImplementedError


class OrderedLinear(Ordered):
    """A linear layer in ordered factors.

    Args:
        layer: whose weight and bias it starts from, computing the same.
    """

    def __init__(self, layer: nn.Linear):
        super().__init__(layer.weight, layer.bias)

    def forward(self, x: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch m"]:
        left, right = self.rows()
        return F.linear(F.linear(x, right), left.mT, self.bias)

    def cut(self) -> nn.Linear | LowRankLinear:
        left, right = self.rows()
        layer = LowRankLinear(right, left.mT.contiguous(), self.bias)
        return layer.merged() if layer.rank * self.unit_cost() > self.dense_cost() else layer


class OrderedConv2d(Ordered):
    """A convolution in ordered factors: b filters of the whole kernel, then 1 x 1.

    Args:
        layer: whose weight and bias it starts from, computing the same.

    Raises:
        ValueError: the convolution is grouped.
    """

    def __init__(self, layer: nn.Conv2d):
        refuse_grouped(layer)
        super().__init__(CHANNEL.matrix(layer.weight), layer.bias)
        self.like = [layer]  # in a list: its weight is no parameter of this module

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b n v u"]:
        left, right = self.rows()
        like = self.like[0]
        if len(left) == 0:
            return self._bias_alone(x)
        first = right.reshape(-1, like.in_channels, *like.kernel_size)
        x = F.conv2d(x, first, None, like.stride, like.padding, like.dilation)
        return F.conv2d(x, left.mT[:, :, None, None], self.bias)

    def _bias_alone(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b n v u"]:
        """Of no component: the bias on every position, which goes on training."""
        like = self.like[0]
        kernel = x.new_zeros(1, 1, *like.kernel_size)
        positions = F.conv2d(
            torch.zeros_like(x[:, :1]), kernel, None, like.stride, like.padding, like.dilation
        )
        bias = x.new_zeros(like.out_channels) if self.bias is None else self.bias
        return positions + bias[:, None, None]

    def cut(self) -> nn.Conv2d | ChannelConv2d:
        left, right = self.rows()
        like = self.like[0]
        first = right.reshape(-1, like.in_channels, *like.kernel_size)
        layer = ChannelConv2d(first, left.mT.contiguous(), like, self.bias)
        return layer.merged() if layer.rank * self.unit_cost() > self.dense_cost() else layer
