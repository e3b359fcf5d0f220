"""Sums of distances without privacy, for comparison."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from common.recovery.arrays import Array, like
from papers.private_similarity.models import asked_rows, rows
from papers.private_similarity.trees import LeafCounts, leaf_of


def l1_sums(x: Array, y: Array) -> Array:
    """sum_i ||x_i - y||_1, float64, by sorting each coordinate: O((n + q) d log n)."""
    points, asked = rows(x, "x").double(), asked_rows(y, rows(x, "x").shape[1]).double()
    total = torch.zeros(len(asked), dtype=torch.float64, device=asked.device)
    for column, at in zip(points.unbind(1), asked.unbind(1), strict=True):
        total += line_sums(column, at)
    return like(total, y)


def line_sums(x: Float[Tensor, " n"], y: Float[Tensor, " q"]) -> Float[Tensor, " q"]:
    """sum_i |x_i - y|."""
    ordered = x.sort().values
    prefix = torch.nn.functional.pad(ordered.cumsum(0), (1, 0))
    below = torch.searchsorted(ordered, y.contiguous())
    left = y * below - prefix[below]
    right = prefix[-1] - prefix[below] - y * (len(ordered) - below)
    return left + right


def rounded_sums(x: Array, y: Array, low: float, high: float, leaves: int, p: float = 1.0) -> Array:
    """sum_i ||x_i - y||_p^p of points and queries moved to their leaves: what a tree without noise
    answers, up to its annuli."""
    points, asked = rows(x, "x"), rows(y, "y")
    places, at = (leaf_of(t, low, high, leaves).double() for t in (points, asked))
    if p == 1:
        total = l1_sums(places, at)
    else:
        total = torch.stack([(places - one).abs().pow(p).sum() for one in at])
    return like(((high - low) / leaves) ** p * total, y)


def leaf_sums(counts: LeafCounts, leaf: Float[Tensor, "q d"]) -> Float[Tensor, " q"]:
    """Distances in leaves, summed over noisy counts as they are, without annuli: sum over leaves i
    of |i - y| times the count."""
    place = torch.arange(counts.leaves, dtype=torch.float64, device=leaf.device)
    total = torch.zeros(len(leaf), dtype=torch.float64, device=leaf.device)
    for row, at in zip(counts.counts, leaf.unbind(1), strict=True):
        number = torch.nn.functional.pad(row.cumsum(0), (1, 0))
        moment = torch.nn.functional.pad((row * place).cumsum(0), (1, 0))
        left = at * number[at] - moment[at]
        right = moment[-1] - moment[at] - at * (number[-1] - number[at])
        total += left + right
    return total
