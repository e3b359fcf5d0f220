"""Lloyd's k-means with k-means++ seeding, in blocks of one matrix product each."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from common.errors import InvalidInputError

_BLOCK_BYTES = 2**21  # of the table of distances: it is read again at once, from the cache
_FOLDED = 32  # columns of a table of distances that was folded


class Clustering(NamedTuple):
    """Centres and who belongs to which.

    Attributes:
        centres: (k, d).
        codes: (n,) int64, the nearest centre of each point.
        error: sum of squared distances to it, float64.
    """

    centres: Float[Tensor, "k d"]
    codes: Int[Tensor, " n"]
    error: float


def kmeans(
    points: Float[Tensor, "n d"],
    k: int,
    *,
    generator: torch.Generator,
    iterations: int = 50,
    weights: Float[Tensor, " n"] | None = None,
    tolerance: float = 1e-5,
    start: Float[Tensor, "k d"] | None = None,
) -> Clustering:
    """Cluster points.

    Args:
        points: finite.
        k: at most n.
        generator: of the points' device; draws the seeds.
        iterations: at most so many passes.
        weights: how often each point counts.
        tolerance: end when a pass lowers the error by less than this part of it.
        start: first centres, in place of seeds drawn from the points.

    Raises:
        InvalidInputError: k is out of range, or a point is not finite.
    """
    if not 1 <= k <= len(points):
        raise InvalidInputError(f"k={k}; allowed: 1 to the number of points, {len(points)}.")
    if not all(torch.isfinite(end) for end in torch.aminmax(points)):  # NaN is handed on
        raise InvalidInputError("A point is not finite.")
    centres = plus_plus(points, k, generator, weights) if start is None else start.clone()
    before = float("inf")
    for _ in range(iterations):
        codes, distances = assign(points, centres)
        error = _total(distances, weights)
        if before - error <= tolerance * error:
            break
        before = error
        centres = _means(points, codes, distances, centres, weights)
    codes, distances = assign(points, centres)
    return Clustering(centres, codes, _total(distances, weights))


def plus_plus(
    points: Float[Tensor, "n d"],
    k: int,
    generator: torch.Generator,
    weights: Float[Tensor, " n"] | None = None,
) -> Float[Tensor, "k d"]:
    """Seeds: each drawn with probability proportional to the squared distance from those before
    (Arthur and Vassilvitskii 2007)."""
    mass = torch.ones(len(points), dtype=torch.float64, device=points.device)
    mass = mass if weights is None else weights.double()
    chosen = [_draw(mass, generator)]
    nearest = (points - points[chosen[0]]).square().sum(1)
    for _ in range(k - 1):
        chances = mass * nearest.double()
        # Fewer distinct points than centres: any will do.
        chosen.append(_draw(chances if float(chances.sum()) > 0 else mass, generator))
        nearest = torch.minimum(nearest, (points - points[chosen[-1]]).square().sum(1))
    return points[torch.tensor(chosen, device=points.device)].clone()


def assign(
    points: Float[Tensor, "n d"], centres: Float[Tensor, "k d"]
) -> tuple[Int[Tensor, " n"], Float[Tensor, " n"]]:
    """Nearest centre of each point, and the squared distance to it."""
    norms = centres.square().sum(1)
    block = max(1, _BLOCK_BYTES // (len(centres) * points.element_size()))
    codes = torch.empty(len(points), dtype=torch.int64, device=points.device)
    # One table for all blocks: pages that are new to the process cost more than the product.
    table = points.new_empty(min(block, len(points)), len(centres))
    for start in range(0, len(points), block):
        part = points[start : start + block]
        # |p - c|^2 without |p|^2, which no comparison needs.
        torch.addmm(norms, part, centres.mT, alpha=-2, out=table[: len(part)])
        codes[start : start + len(part)] = _nearest(table[: len(part)])
    return codes, centres.index_select(0, codes).sub_(points).square_().sum(1)


def _nearest(table: Float[Tensor, "n k"]) -> Int[Tensor, " n"]:
    """Column of the least entry of each row.

    To say where the least entry is takes ten times as long as to say what it is: wide tables are
    folded first, and searched only in the columns that were folded onto the winner.
    """
    k = table.shape[1]
    if k % _FOLDED or k < 4 * _FOLDED:
        return table.min(1).indices
    column = table.view(len(table), -1, _FOLDED).amin(1).min(1).indices
    candidates = column[:, None] + torch.arange(0, k, _FOLDED, device=table.device)
    return column + _FOLDED * table.gather(1, candidates).min(1).indices


def _means(
    points: Tensor, codes: Tensor, distances: Tensor, centres: Tensor, weights: Tensor | None
) -> Tensor:
    """Mean of each cluster; an empty one begins anew at the point that is worst off."""
    if weights is None:
        counts = torch.bincount(codes, minlength=len(centres)).to(points)
    else:
        mass = weights.to(points)
        counts = points.new_zeros(len(centres)).index_add_(0, codes, mass)
        points, distances = points * mass[:, None], distances * mass
    sums = torch.zeros_like(centres).index_add_(0, codes, points)
    moved = sums / counts.clamp_min(torch.finfo(points.dtype).tiny)[:, None]
    empty = torch.nonzero(counts == 0)[:, 0]
    if len(empty):
        moved[empty] = points[distances.topk(len(empty)).indices]
    return moved


def _draw(chances: Tensor, generator: torch.Generator) -> int:
    edges = chances.cumsum(0)
    at = torch.rand(1, generator=generator, dtype=torch.float64, device=chances.device)
    return int(torch.searchsorted(edges, at * edges[-1]).clamp_max(len(chances) - 1))


def _total(distances: Tensor, weights: Tensor | None) -> float:
    return float((distances if weights is None else distances * weights).double().sum())
