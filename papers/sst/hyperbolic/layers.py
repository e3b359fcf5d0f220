"""Fully hyperbolic layers (Chen et al. 2022): a Euclidean matrix, then back onto the manifold.

The matrix is a plain ``nn.Linear`` named ``linear``; it is all that SST, LoRA and ReLoRA* replace.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from papers.sst.hyperbolic import lorentz

LEAST_TIME = 1.1


class LorentzLinear(nn.Module):
    """y = W f(x) + b (+ what the layer is beside); time sigmoid(y_0) exp(c) + 1.1, space along
    y_{1:}, of the length that puts the point on the manifold. f is the activation, then dropout.

    Args:
        inputs: coordinates of x, the time included.
        outputs: of y.
        start: W is uniform within it, and 0 in the columns of times; None: 1 / sqrt(outputs).
        scale: exp(c) at the start; c is trained.
        dropout: of x.
        activation: of x; None is the identity.
        heads: outputs are that many points of outputs / heads coordinates each.
        points: x is that many points side by side, each with a time.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        start: float | None = None,
        scale: float = 10.0,
        dropout: float = 0.0,
        activation: Callable[[Tensor], Tensor] | None = None,
        heads: int = 1,
        points: int = 1,
    ):
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale)))
        self.dropout, self.activation, self.heads = nn.Dropout(dropout), activation, heads
        bound = outputs**-0.5 if start is None else start
        with torch.no_grad():
            self.linear.weight.uniform_(-bound, bound)
            self.linear.weight[:, :: inputs // points] = 0
            self.linear.bias.zero_()

    def forward(
        self, x: Float[Tensor, "*b n"], beside: Float[Tensor, "*#b outputs"] | None = None
    ) -> Float[Tensor, "..."]:
        """(..., outputs), or (..., heads, outputs / heads).

        Args:
            x: points.
            beside: added to W f(x) + b: what a Euclidean residual stream would carry on.
        """
        if self.activation is not None:
            x = self.activation(x)
        y = self.linear(self.dropout(x))
        if beside is not None:
            y = y + beside
        if self.heads > 1:
            y = y.unflatten(-1, (self.heads, -1))
        time = y[..., :1].sigmoid() * self.log_scale.exp() + LEAST_TIME
        return lorentz.to_manifold(y[..., 1:], time)


class LorentzPoints(nn.Module):
    """Points on the manifold that are trained: classes, embeddings.

    ``points`` is to be trained by ``RiemannianAdam``; see :func:`manifold_parameters`.

    Args:
        count: of points.
        coordinates: of each, the time included.
        deviation: of the Gaussian space part that they start from.
    """

    def __init__(self, count: int, coordinates: int, deviation: float):
        super().__init__()
        drawn = torch.randn(count, coordinates - 1) * deviation
        self.points = nn.Parameter(lorentz.expmap0(drawn))


class LorentzClassifier(LorentzPoints):
    """Logits 2 + 2 <x, c_j>_L + b_j: minus the squared distance to the point of a class."""

    def __init__(self, count: int, coordinates: int):
        super().__init__(count, coordinates, coordinates**-0.5)
        self.bias = nn.Parameter(torch.zeros(count))

    def forward(self, x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b c"]:
        return 2 + 2 * lorentz.pairwise_inner(x, self.points) + self.bias


def manifold_parameters(model: nn.Module) -> list[nn.Parameter]:
    """Those that lie on the manifold."""
    return [m.points for m in model.modules() if isinstance(m, LorentzPoints)]


def margin_loss(logits: Float[Tensor, "n c"], labels: Tensor, margin: float) -> Float[Tensor, ""]:
    """Mean of relu(margin - logit of the true class + logit), over all classes."""
    true = logits.gather(1, labels[:, None])
    return torch.relu(margin - true + logits).mean()


def worst_violation(x: Float[Tensor, "*b d"]) -> float:
    """Largest |<x, x>_L + 1|."""
    return float((lorentz.inner(x, x) + 1).detach().abs().max())
