"""The three-layer network with a bottleneck of width one and a skip connection.

f(x) = g_u(x) + c^T relu(a z + b), g_u(x) = u^T sigma2(V x + s), z = (g_u - mean) / deviation. Only
u and c are trained, one after the other; everything else stays as drawn; see ``training``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral

import torch
from jaxtyping import Float
from torch import Tensor, nn

from common.errors import InvalidInputError
from common.kernels.hermite import hermite_series
from papers.hierarchical_polynomials.targets import check_degree


def activation(degree: int) -> tuple[float, ...]:
    """Coefficients of sigma2 = sum of he_1 to he_k.

    Raises:
        InvalidInputError: a degree that is not a whole number from 1 on.
    """
    check_degree(degree)
    return (0.0, *[1.0] * degree)


@dataclass(frozen=True)
class Samples:
    """Rows and their values, as many.

    Raises:
        InvalidInputError: other shapes, no rows, whole numbers, NaN or infinity.
    """

    x: Float[Tensor, "n d"]
    y: Float[Tensor, " n"]

    def __post_init__(self) -> None:
        if self.x.ndim != 2 or self.y.shape != self.x.shape[:1] or not len(self.y):
            raise InvalidInputError(
                f"x of shape {tuple(self.x.shape)}, y of {tuple(self.y.shape)}; wanted: (n, d) and "
                f"(n,), n of 1 or more."
            )
        if not (self.x.is_floating_point() and self.y.is_floating_point()):
            raise InvalidInputError(
                f"x of {self.x.dtype}, y of {self.y.dtype}; allowed: float32 or float64. Convert "
                f"them first."
            )
        if not (self.x.isfinite().all() and self.y.isfinite().all()):
            raise InvalidInputError("NaN or infinity among the samples; allowed: finite numbers.")

    def __len__(self) -> int:
        return len(self.y)

    def first(self, count: int) -> Samples:
        return Samples(self.x[:count], self.y[:count])

    def __add__(self, other: Samples) -> Samples:
        """Both."""
        return Samples(torch.cat([self.x, other.x]), torch.cat([self.y, other.y]))


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
        InvalidInputError: a width that is not a whole number from 1 on, a radius outside (0, 1], a
            reach that is not above 0, or coefficients that are not finite numbers.
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
        if not all(isinstance(n, Integral) and n >= 1 for n in (size, width, last_width)):
            raise InvalidInputError(
                f"d={size}, m2={width}, m1={last_width}; allowed: whole numbers, 1 or more of each."
            )
        if coefficients != "relu" and (
            isinstance(coefficients, str)
            or not len(coefficients)
            or not all(map(math.isfinite, coefficients))
        ):
            raise InvalidInputError(
                f'coefficients={coefficients!r}; allowed: "relu", or finite numbers, one or more.'
            )
        if not 0 < reach < math.inf:
            raise InvalidInputError(f"reach={reach:g}; allowed: finite and above 0.")
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
