"""p = 1: on every cell of the arrangement {a_i^T x = 0} R is a ratio of linear functions, so that
its extremes lie on rays orthogonal to d - 1 rows."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

_ENTRIES = 1 << 22


def every_ray(basis: Float[Tensor, "n d"]) -> Float[Tensor, "rays d"]:
    """All of them, d up to 3: n for d = 2, n (n - 1) / 2 cross products for d = 3; parallel rows
    give none."""
    d = basis.shape[1]
    if d == 1:
        return basis.new_ones(1, 1)
    if d == 2:
        found = torch.stack([-basis[:, 1], basis[:, 0]], 1)
    else:
        i, j = torch.triu_indices(len(basis), len(basis), 1, device=basis.device)
        found = torch.linalg.cross(basis[i], basis[j])
    lengths = found.norm(dim=1)
    # Below this length a cross product is rounding.
    kept = lengths > 1e-12 * lengths.max()
    return found[kept] / lengths[kept, None]


def ratios(
    basis: Float[Tensor, "n d"], weights: Float[Tensor, " n"], rays: Float[Tensor, "r d"]
) -> Float[Tensor, " r"]:
    """R on each ray, in blocks."""
    blocks = rays.split(max(1, _ENTRIES // len(basis)))
    values = [(block @ basis.mT).abs_() for block in blocks]
    return torch.cat([y @ weights / y.sum(1) for y in values])


def polished(
    basis: Float[Tensor, "n d"], weights: Float[Tensor, " n"], x: Float[Tensor, " d"], up: bool
) -> float:
    """R at a ray near x from which no exchange of one of its d - 1 rows leads further up (down).

    The edges that leave a ray cross all other rows; R is taken at every crossing of every edge.
    """
    sign = 1.0 if up else -1.0
    zeros = _nearest_zeros(basis, x)
    x = _orthogonal(basis[zeros], x)
    best = float(ratios(basis, weights, x[None])[0])
    for _ in range(100):
        frame = torch.cat([basis[zeros], x[None]])
        edges = torch.linalg.inv(frame)[:, :-1]
        along, at = basis @ edges, basis @ x
        crossed = -at[:, None] / along
        reachable = along.abs() > 1e-10 * along.abs().amax(0)
        found = sign * _on_edges(at, along, crossed, weights, reachable)
        place = int(found.argmax())
        row, edge = divmod(place, found.shape[1])
        tried = zeros.clone()
        tried[edge] = row
        new = _orthogonal(basis[tried], x + crossed[row, edge] * edges[:, edge])
        value = float(ratios(basis, weights, new[None])[0])
        if sign * (value - best) <= 1e-12:
            break
        zeros, x, best = tried, new, value
    return best


def _on_edges(
    at: Tensor, along: Tensor, crossed: Tensor, weights: Tensor, reachable: Tensor
) -> Tensor:
    """R at every crossing t_i of every edge, sums of |at + t along| = |along| |t - t_i| by sorting.
    At rows that an edge does not cross it is R at t = 0."""
    t = torch.where(reachable, crossed, 0.0)
    slopes = torch.where(reachable, along.abs(), 0.0)
    flat = torch.where(reachable, 0.0, at.abs()[:, None].expand_as(along))
    order = t.argsort(0)
    sorted_t = t.gather(0, order)

    def summed(b: Tensor) -> Tensor:
        c = (b[:, None] * slopes).gather(0, order)
        first, second = c.cumsum(0), (c * sorted_t).cumsum(0)
        total = sorted_t * (2 * first - first[-1]) - (2 * second - second[-1])
        return total + (b[:, None] * flat).sum(0)

    found = summed(weights) / summed(torch.ones_like(weights))
    return torch.empty_like(found).scatter_(0, order, found)


def _nearest_zeros(basis: Tensor, x: Tensor) -> Tensor:
    """d - 1 independent rows, those nearly orthogonal to x first."""
    lengths = basis.norm(dim=1).clamp(min=1e-300)
    order = ((basis @ x).abs() / lengths).argsort().tolist()
    chosen: list[int] = []
    frame = (x / x.norm())[None]
    for row in order:
        if len(chosen) == basis.shape[1] - 1:
            break
        unit = basis[row] / lengths[row]
        rest = unit - frame.mT @ (frame @ unit)
        rest = rest - frame.mT @ (frame @ rest)
        if float(rest.norm()) > 1e-6:
            chosen.append(row)
            frame = torch.cat([frame, (rest / rest.norm())[None]])
    return torch.tensor(chosen, device=basis.device)


def _orthogonal(rows: Tensor, x: Tensor) -> Tensor:
    """The unit vector orthogonal to all rows, on the side of x."""
    found = torch.linalg.svd(rows, full_matrices=True).Vh[-1]
    return found * torch.where(found @ x < 0, -1.0, 1.0)
