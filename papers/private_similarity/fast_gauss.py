"""Average Gaussian kernels by Hermite expansions in the cells of a grid: the fast Gauss transform
as a private structure (Wagner, Naamad and Mishra 2023), for at most three dimensions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from numbers import Integral

import torch
from jaxtyping import Float, Int
from torch import Tensor

from common.errors import InvalidInputError
from common.kernels.hermite import hermite
from common.recovery.arrays import Array, like
from papers.private_similarity.mechanisms import NoiseMechanism
from papers.private_similarity.models import asked_rows, finite_positive, rows


@dataclass(frozen=True)
class FastGaussSums:
    """(1 / n) sum_i exp(-||x_i - y||^2) for y in a box.

    Attributes:
        moments: of each cell, sum over its points of prod_a (x_a - c_a)^b_a / b_a!, over n, with
            noise.
        low: of the box, in every coordinate.
        side: of a cell.
        order: b_a < order.
        reach: cells further than this are left out.
    """

    moments: Float[Tensor, "cells terms"]
    low: float
    side: float
    order: int
    reach: float
    grid: tuple[int, ...]

    @classmethod
    def release(
        cls,
        x: Array,
        mechanism: NoiseMechanism,
        *,
        low: float,
        high: float,
        side: float = 0.5,
        order: int = 6,
        reach: float = 3.0,
    ) -> FastGaussSums:
        """Moments of all cells, the empty ones too. n is public; points outside are moved to the
        border.

        A record changes a moment of one cell by at most the product of r_b = (side / 2)^b / b!.
        Moments are released in units of their own, so that the variance of an answer is least:
        noise in proportion to (r_b / h_b^2)^(1/3), or (r_b / h_b)^(1/2) for the l2 norm, h_b the
        root mean square of the function that they meet in an answer.

        Args:
            side: of a cell.
            order: moments b < order of each coordinate.
        """
        points = rows(x, "x").double()
        n, d = points.shape
        if d > 3:
            raise InvalidInputError(
                f"{d} coordinates; the cells of a grid are for 3 at most. Take random features."
            )
        if not low < high or order < 1:
            raise InvalidInputError(
                f"low={low}, high={high}, order={order}; allowed: low below high, order 1 or more."
            )
        finite_positive(side, "side")
        if not isinstance(order, Integral) or not reach > 0:
            raise InvalidInputError(f"order={order}, reach={reach}; allowed: whole, and above 0.")
        cells = math.ceil((high - low) / side)
        place = ((points - low) / side).floor().long().clamp(0, cells - 1)
        offset = points.clamp(low, high) - (low + (place + 0.5) * side)
        powers = _powers(offset, order)
        moments = torch.zeros(cells**d, order**d, dtype=torch.float64, device=points.device)
        moments.index_add_(0, _flat(place, cells), powers)
        largest, unit = _units(side, order, mechanism.norm)
        sensitivity = float((largest / unit).pow(mechanism.norm).sum()) ** (d / mechanism.norm)
        units = _products(unit.expand(1, d, order)).to(points.device)
        noisy = mechanism.release(moments / units, sensitivity) * units
        return cls(noisy / n, low, side, order, reach, (cells,) * d)

    def query(self, y: Array) -> Array:
        """Of each query the average, float64."""
        asked = asked_rows(y, len(self.grid)).double()
        at = ((asked - self.low) / self.side).floor().long()
        steps = math.ceil(self.reach / self.side)
        total = torch.zeros(len(asked), dtype=torch.float64, device=asked.device)
        for shift in product(range(-steps, steps + 1), repeat=len(self.grid)):
            cell = at + torch.tensor(shift, device=at.device)
            inside = ((cell >= 0) & (cell < self.grid[0])).all(1)
            if not bool(inside.any()):
                continue
            chosen = cell[inside]
            offset = asked[inside] - (self.low + (chosen + 0.5) * self.side)
            values = _hermite(offset, self.order)
            total[inside] += (self.moments[_flat(chosen, self.grid[0])] * values).sum(1)
        return like(total, y)


def _flat(place: Int[Tensor, "n d"], cells: int) -> Int[Tensor, " n"]:
    index = place[:, 0]
    for column in place[:, 1:].unbind(1):
        index = index * cells + column
    return index


def _units(side: float, order: int, norm: int) -> tuple[Tensor, Tensor]:
    """r_b and the unit of a moment of one coordinate."""
    b = torch.arange(order, dtype=torch.float64)
    largest = (side / 2) ** b / torch.exp(torch.lgamma(b + 1))
    # The integral of (exp(-t^2) H_b(t))^2 is 2^(b - 1/2) Gamma(b + 1/2).
    met = torch.sqrt(2 ** (b - 0.5) * torch.exp(torch.lgamma(b + 0.5)))
    unit = (largest / met**2) ** (1 / 3) if norm == 1 else (largest / met) ** 0.5
    return largest, unit


def _powers(t: Float[Tensor, "n d"], order: int) -> Float[Tensor, "n terms"]:
    """Products over coordinates of t^b / b!."""
    single = torch.stack([t**b / math.factorial(b) for b in range(order)], -1)
    return _products(single)


def _hermite(t: Float[Tensor, "n d"], order: int) -> Float[Tensor, "n terms"]:
    """Products over coordinates of exp(-t^2) H_b(t), H_b the physicists' Hermite polynomials:
    2^(b/2) sqrt(b!) he_b(sqrt 2 t) of the normalised ones."""
    scales = [math.sqrt(2.0**b * math.factorial(b)) for b in range(order)]
    values = hermite(math.sqrt(2) * t, order - 1) * torch.tensor(scales, dtype=t.dtype)
    return _products(torch.exp(-(t**2))[..., None] * values)


def _products(single: Float[Tensor, "n d order"]) -> Float[Tensor, "n terms"]:
    first, *others = single.unbind(1)
    for one in others:
        first = (first[:, :, None] * one[:, None, :]).flatten(1)
    return first
