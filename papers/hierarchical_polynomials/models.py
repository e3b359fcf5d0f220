"""The three-layer network with a bottleneck of width one and a skip connection, and its training.

f(x) = g_u(x) + c^T relu(a z + b), g_u(x) = u^T sigma2(V x + s), z = (g_u - mean) / deviation. Only
u and c are trained, one after the other; everything else stays as drawn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from common.errors import InvalidInputError
from common.kernels.hermite import hermite_series
from papers.hierarchical_polynomials.ridge import Moments, cross_validated

RIDGES = (1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0, 10.0, 30.0, 100.0)
LAST_RIDGES = (1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)


def activation(degree: int) -> tuple[float, ...]:
    """Coefficients of sigma2 = sum of he_1 to he_k."""
    return (0.0, *[1.0] * degree)


@dataclass(frozen=True)
class Samples:
    """Rows and their values, as many."""

    x: Float[Tensor, "n d"]
    y: Float[Tensor, " n"]

    def __post_init__(self) -> None:
        if self.x.ndim != 2 or self.y.shape != self.x.shape[:1] or not len(self.y):
            raise InvalidInputError(
                f"x of shape {tuple(self.x.shape)}, y of {tuple(self.y.shape)}; wanted: (n, d) and "
                f"(n,), n of 1 or more."
            )
        if not (self.x.isfinite().all() and self.y.isfinite().all()):
            raise InvalidInputError("NaN or infinity among the samples; allowed: finite numbers.")

    def __len__(self) -> int:
        return len(self.y)

    def first(self, count: int) -> Samples:
        return Samples(self.x[:count], self.y[:count])


class ThreeLayerNet(nn.Module):
    """The network; a new one says 0.

    Args:
        size: d.
        width: m2, of the first layer.
        last_width: m1, of the last.
        coefficients: of sigma2 in he_0, he_1, ...; "relu" takes that instead.
        generator: draws V, s, a, b, on the processor.
        radius: of V's rows; s has the variance 1 - radius^2, so that what sigma2 sees is normal.
        shift: whether s is drawn, or 0.
        reach: b is uniform on [-reach, reach].
        skip: whether g_u is added to what the last layer says.
        dtype: of all numbers.

    Raises:
        InvalidInputError: a width below 1, or a radius outside (0, 1].
    """

    def __init__(
        self,
        size: int,
        width: int,
        last_width: int,
        coefficients: Sequence[float] | str,
        generator: torch.Generator,
        *,
        radius: float = math.sqrt(0.5),
        shift: bool = True,
        reach: float = 3.0,
        skip: bool = True,
        dtype: torch.dtype = torch.float64,
    ):
        super().__init__()
        if min(size, width, last_width) < 1:
            raise InvalidInputError(
                f"d={size}, m2={width}, m1={last_width}; allowed: 1 or more of each."
            )
        if not 0 < radius <= 1:
            raise InvalidInputError(f"radius={radius:g}; allowed: above 0, at most 1.")
        self.coefficients, self.skip = coefficients, skip

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, dtype=dtype)

        directions, offsets = normal(width, size), normal(width) * math.sqrt(1 - radius**2)
        signs = torch.randint(2, (last_width,), generator=generator).to(dtype) * 2 - 1
        places = (torch.rand(last_width, generator=generator, dtype=dtype) * 2 - 1) * reach
        self.register_buffer("v", radius * directions / directions.norm(dim=1, keepdim=True))
        self.register_buffer("s", offsets if shift else torch.zeros_like(offsets))
        self.register_buffer("a", signs)
        self.register_buffer("b", places)
        self.register_buffer("mean", torch.zeros((), dtype=dtype))
        self.register_buffer("deviation", torch.ones((), dtype=dtype))
        self.u = nn.Parameter(torch.zeros(width, dtype=dtype))
        self.c = nn.Parameter(torch.zeros(last_width, dtype=dtype))

    def features(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n m2"]:
        """sigma2(V x + s)."""
        seen = torch.addmm(self.s, x.to(self.v), self.v.mT)
        if self.coefficients == "relu":
            return seen.relu_()
        return hermite_series(seen, self.coefficients)

    def learnt(self, x: Float[Tensor, "n d"], block: int = 4096) -> Float[Tensor, " n"]:
        """g_u(x), in blocks of rows."""
        return torch.cat([self.features(rows) @ self.u for rows in x.split(block)])

    def last_features(self, values: Float[Tensor, " n"]) -> Float[Tensor, "n m1"]:
        """relu(a z + b), of values of g_u."""
        z = (values - self.mean) / self.deviation
        return torch.addcmul(self.b, z[:, None], self.a).relu_()

    def forward(self, x: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """f(x)."""
        values = self.learnt(x)
        said = self.last_features(values) @ self.c
        return said + values if self.skip else said


@dataclass(frozen=True)
class Learnt:
    """What training chose.

    Attributes:
        ridge: xi1.
        last_ridge: xi2.
    """

    ridge: float
    last_ridge: float


@torch.no_grad()
def stage_one(
    net: ThreeLayerNet, moments: Moments, ridges: Sequence[float], held_out: Samples
) -> float:
    """u of the ridge that does best on other samples.

    Args:
        net: whose u is set, and the affine map by which stage two sees g_u.
        moments: of its features on the first half of the samples (``moments_of``).
        ridges: xi1 that are tried.
        held_out: the second half.

    Returns:
        xi1.
    """
    found = torch.stack([moments.ridge(xi) for xi in ridges])
    said = torch.cat([net.features(rows) @ found.mT for rows in held_out.x.split(4096)])
    errors = (said - held_out.y.to(said)[:, None]).square().mean(0)
    best = int(errors.argmin())
    net.u.copy_(found[best])
    deviation, mean = torch.std_mean(said[:, best], correction=0)
    # Of a constant y, a feature that is the same everywhere: nothing is left to be scaled.
    deviation = torch.where(deviation > 0, deviation, torch.ones_like(deviation))
    net.mean.copy_(mean)
    net.deviation.copy_(deviation)
    return ridges[best]


@torch.no_grad()
def stage_two(
    net: ThreeLayerNet,
    values: Float[Tensor, " n"],
    y: Float[Tensor, " n"],
    ridges: Sequence[float] = LAST_RIDGES,
) -> float:
    """c, from values of the one-dimensional feature: a ridge chosen by five-fold validation.

    Returns:
        xi2.
    """
    wanted = y.to(values) - values if net.skip else y.to(values)
    c, ridge = cross_validated(net.last_features(values), wanted, ridges)
    net.c.copy_(c)
    return ridge


@torch.no_grad()
def moments_of(net: ThreeLayerNet, samples: Samples, block: int = 4096) -> Moments:
    """F^T F / n and F^T y / n, never more than a block of F at once."""
    found = Moments.zeros(net.u)
    for x, y in zip(samples.x.split(block), samples.y.split(block), strict=True):
        found = found.with_rows(net.features(x), y.to(net.u))
    return found


def train(
    net: ThreeLayerNet,
    first: Samples,
    second: Samples,
    ridges: Sequence[float] = RIDGES,
    last_ridges: Sequence[float] = LAST_RIDGES,
) -> Learnt:
    """Algorithm 1 with both stages in closed form; gradient descent has the same fixed points.

    Args:
        first: D1, of stage one.
        second: D2, fresh, which chooses xi1 and is all that stage two sees.
    """
    ridge = stage_one(net, moments_of(net, first), ridges, second)
    with torch.no_grad():
        values = net.learnt(second.x)
    return Learnt(ridge, stage_two(net, values, second.y, last_ridges))
