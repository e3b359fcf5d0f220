"""The deep branch: linear layers, some of them in two factors."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class FactorisedLinear(nn.Module):
    """``z = W_b x' + b_b`` with ``x' = W_a x + b_a``, or its positive part.

    A bias between the factors is what the activation acts on; without an activation it adds nothing
    that ``b_b`` could not hold.

    Args:
        first: (r, n) weight and (r,) bias.
        second: (m, r) weight and (m,) bias.
        activation: ReLU between the factors (the paper's extra non-linearity).
    """

    def __init__(
        self,
        first: tuple[Float[Tensor, "r n"], Float[Tensor, " r"]],
        second: tuple[Float[Tensor, "m r"], Float[Tensor, " m"]],
        *,
        activation: bool = False,
    ):
        super().__init__()
        self.first, self.second = _linear(*first), _linear(*second)
        self.activation = activation

    @property
    def rank(self) -> int:
        """r."""
        return self.first.out_features

    def forward(self, x: Float[Tensor, "*b n"]) -> Float[Tensor, "*b m"]:
        inner = self.first(x)
        return self.second(F.relu(inner) if self.activation else inner)


class Perceptron(nn.Module):
    """Layers with ReLU, then one output.

    Args:
        inputs: width of what is read.
        hidden: widths of the layers.
        std: deviation of the layers' first weights (published: 1e-4); None leaves torch's own, as
            biases and the output always have it.
    """

    def __init__(self, inputs: int, hidden: Sequence[int], std: float | None = None):
        super().__init__()
        widths = [inputs, *hidden]
        self.layers = nn.ModuleList(nn.Linear(n, m) for n, m in pairwise(widths))
        self.head = nn.Linear(widths[-1], 1)
        if std is not None:
            for layer in self.layers:
                nn.init.normal_(layer.weight, std=std)

    def forward(self, x: Float[Tensor, "b n"]) -> Float[Tensor, " b"]:
        for layer in self.layers:
            x = F.relu(layer(x))
        return self.head(x)[:, 0]


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    layer = nn.utils.skip_init(
        nn.Linear, weight.shape[1], weight.shape[0], device=weight.device, dtype=weight.dtype
    )
    layer.weight.data.copy_(weight)
    layer.bias.data.copy_(bias)
    return layer
