"""What all adapters are: a module whose parameters make a change of one frozen weight."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from common.adapters.sites import Site


class Adapter(nn.Module, ABC):
    """A change of one weight, as a product of two matrices.

    Parameters are what is trained; whatever is frozen is a buffer. A subclass gives
    :meth:`factors`, and :meth:`side` where it knows a cheaper way than two thin layers.
    """

    @abstractmethod
    def factors(self) -> tuple[Float[Tensor, "out rank"], Float[Tensor, "rank rest"]]:
        """Left and right, whose product is the change; ``rest`` is all modes but the first."""

    def change(self) -> Float[Tensor, "out rest"]:
        """The change as a matrix; see `Site.matrix_shape`."""
        left, right = self.factors()
        return left @ right

    def side(self, x: Shaped[Tensor, "..."], site: Site) -> Tensor:
        """What the change adds to the layer's output."""
        left, right = self.factors()
        return site.side(x, left, right)

    def prefers_merged(self, x: Shaped[Tensor, "..."], site: Site) -> bool:
        """Whether this input costs less when the changed weight is formed first.

        True for convolutions in groups, whose weights are small. Asked only where the adapter sees
        the same input as the layer.
        """
        return site.depthwise_like

    @property
    def dtype(self) -> torch.dtype:
        """Of the parameters, in which the side path is computed."""
        return next(self.parameters()).dtype

    def number(self) -> int:
        """Trainable numbers."""
        return sum(parameter.numel() for parameter in self.parameters())
