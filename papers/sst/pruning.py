"""Pruning of singular values for inference, after the training."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from common.errors import InvalidInputError
from papers.sst.replace import dense_again

OF_SUM, OF_COUNT = "sum", "count"


def kept(s: Float[Tensor, " k"], share: float, by: str = OF_SUM) -> int:
    """How many of the largest singular values hold ``share`` of their sum, or are that part of
    their count; at least one.

    Args:
        s: in falling order.
        share: above 0, at most 1.
        by: ``sum`` or ``count``.

    Raises:
        InvalidInputError: ``share`` or ``by`` is another.
    """
    if not 0 < share <= 1:
        raise InvalidInputError(f"share={share}; allowed: above 0, at most 1.")
    if by == OF_COUNT:
        return max(1, round(share * len(s)))
    if by != OF_SUM:
        raise InvalidInputError(f"by={by!r}; allowed: {OF_SUM}, {OF_COUNT}.")
    held = torch.cumsum(s.double(), 0)
    # The sum itself, rounded, must not ask for more than all.
    enough = held >= share * held[-1] * (1 - 1e-12)
    return int(torch.nonzero(enough)[0]) + 1


def pruned(
    model: nn.Module, layers: Iterable[str], share: float, by: str = OF_SUM
) -> tuple[nn.Module, float]:
    """A copy whose layers of these names keep their largest singular values alone.

    Returns:
        The copy, dense, and the part of all singular values that it kept.

    Raises:
        InvalidInputError: see :func:`kept`.
    """
    small = dense_again(copy.deepcopy(model))
    left, total = 0, 0
    for name in layers:
        layer = small.get_submodule(name)
        weight = layer.weight.detach()
        U, s, Vh = torch.linalg.svd(weight.float(), full_matrices=False)
        count = kept(s, share, by)
        with torch.no_grad():
            layer.weight.copy_((U[:, :count] * s[:count]) @ Vh[:count])
        left, total = left + count, total + len(s)
    return small, left / total


def area(
    model: nn.Module,
    layers: Sequence[str],
    shares: Sequence[float],
    log_perplexity: Callable[[nn.Module], float],
    by: str = OF_SUM,
) -> tuple[float, list[float]]:
    """Area under log-perplexity over the kept share, by the trapezoid rule, over the width; and the
    log-perplexities.

    Raises:
        InvalidInputError: fewer than two shares, or they do not rise.
    """
    steps = list(itertools.pairwise(shares))
    if not steps or any(low >= high for low, high in steps):
        raise InvalidInputError(f"shares={list(shares)}; allowed: two or more, rising.")
    values = [log_perplexity(pruned(model, layers, share, by)[0]) for share in shares]
    sides = zip(steps, itertools.pairwise(values), strict=True)
    whole = math.fsum((high - low) * (x + y) / 2 for (low, high), (x, y) in sides)
    return whole / (shares[-1] - shares[0]), values


def concentration(s: Float[Tensor, " k"], share: float = 0.1) -> float:
    """Part of the sum that the largest tenth of the singular values holds."""
    ordered = torch.sort(s.detach().double(), descending=True).values
    return float(ordered[: max(1, round(share * len(s)))].sum() / ordered.sum())
