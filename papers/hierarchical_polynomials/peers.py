"""What the paper is compared with: the 2023 algorithm, and networks under Adam."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from common.errors import InvalidInputError
from papers.hierarchical_polynomials.choices import LAST_RIDGES
from papers.hierarchical_polynomials.models import Samples, ThreeLayerNet
from papers.hierarchical_polynomials.training import moments_of, stage_two


@torch.no_grad()
def one_step(net: ThreeLayerNet, samples: Samples) -> None:
    """u = F^T (y - mean y) / n: one gradient step on W of rank one, from W = 0 (Nichani, Damian,
    Lee 2023).

    f = a^T relu(W sigma2(V x + s) + b) after that step sees x through a scalar, F(x)^T u, up to a
    factor in each row, which ridge regression on a makes up for. The affine map by which stage two
    sees it is taken on the same samples.

    Raises:
        InvalidInputError: y is constant.
    """
    centred = Samples(samples.x, samples.y - samples.y.mean())
    moments = moments_of(net, centred)
    net.u.copy_(moments.products / len(samples))
    deviation, mean = torch.std_mean(net.learnt(samples.x), correction=0)
    if not deviation > 0:
        raise InvalidInputError("one step from W = 0 learns nothing: y is constant.")
    net.mean.copy_(mean)
    net.deviation.copy_(deviation)


@torch.no_grad()
def train_one_step(
    net: ThreeLayerNet, first: Samples, second: Samples, ridges: Sequence[float] = LAST_RIDGES
) -> float:
    """The 2023 algorithm whole: one step on the first half, ridge regression on the second.

    Args:
        net: one without a skip connection, as theirs.

    Returns:
        The ridge.
    """
    if net.skip:
        raise InvalidInputError(
            "the 2023 network has no skip connection; make one with skip=False."
        )
    one_step(net, first)
    return stage_two(net, net.learnt(second.x), second.y, ridges)


def two_layer(size: int, width: int, generator: torch.Generator) -> nn.Module:
    """d -> width -> 1, ReLU."""
    return _network([size, width, 1], generator)


def three_layer(size: int, width: int, generator: torch.Generator) -> nn.Module:
    """d -> width -> width -> 1, ReLU, all of it trained."""
    return _network([size, width, width, 1], generator)


def _network(sizes: list[int], generator: torch.Generator) -> nn.Module:
    """ReLU between layers; weights of variance 2 over the inputs, 1 over them in the last."""
    layers: list[nn.Module] = []
    for inner, outer in pairwise(sizes):
        layer, gain = nn.Linear(inner, outer), 2 if outer > 1 else 1
        with torch.no_grad():
            layer.weight.copy_(
                torch.randn(outer, inner, generator=generator) * (gain / inner) ** 0.5
            )
            layer.bias.zero_()
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1], nn.Flatten(0))


def adam(
    net: nn.Module,
    first: Samples,
    second: Samples,
    *,
    rate: float,
    batch: int,
    epochs: int,
    patience: int,
    generator: torch.Generator,
) -> tuple[nn.Module, float]:
    """End to end on D1 by Adam in float32; the epoch that does best on D2 is kept.

    Args:
        patience: epochs without a better one after which it ends.
        generator: of the order, on the processor.

    Returns:
        The net as it was then, and its error on D2 over the variance of y.

    Raises:
        InvalidInputError: y of either half is constant.
    """
    if not all(float(half.y.std(correction=0)) > 0 for half in (first, second)):
        raise InvalidInputError("Adam learns nothing, and is not stopped: y of a half is constant.")
    mean, deviation = first.y.mean().float(), first.y.std().float()
    x, y = first.x.float(), (first.y.float() - mean) / deviation
    held_x, held_y = second.x.float(), (second.y.float() - mean) / deviation
    optimizer = torch.optim.Adam(net.parameters(), lr=rate)
    best, kept, since = math.inf, copy.deepcopy(net.state_dict()), 0
    for _ in range(epochs):
        order = torch.randperm(len(y), generator=generator).to(x.device)
        for rows in order.split(batch):
            optimizer.zero_grad()
            (net(x[rows]) - y[rows]).square().mean().backward()
            optimizer.step()
        with torch.no_grad():
            error = float((net(held_x) - held_y).square().mean() / held_y.var(correction=0))
        if error < best:
            best, kept, since = error, copy.deepcopy(net.state_dict()), 0
        else:
            since += 1
            if since >= patience:
                break
    net.load_state_dict(kept)
    return Scaled(net, mean, deviation), best


class Scaled(nn.Module):
    """A net's values in the units of y."""

    def __init__(self, net: nn.Module, mean: Float[Tensor, ""], deviation: Float[Tensor, ""]):
        super().__init__()
        self.net = net
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)

    def forward(self, x: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        return self.net(x.float()) * self.deviation + self.mean
