"""Intervals of means by drawing rows again (Efron 1979)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError
from common.evaluation.interval import Interval

_AT_ONCE = 1 << 22  # indices drawn in one go


def paired_bootstrap(
    first: Float[Tensor, " n"],
    second: Float[Tensor, " n"],
    *,
    draws: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """Mean of ``first - second`` with its percentile interval over resampled rows.

    Args:
        first: a value of each row, a loss for instance.
        second: of the same rows.

    Raises:
        InvalidInputError: shapes differ, there is no row, or a setting is out of range.
    """
    if first.shape != second.shape or first.ndim != 1 or len(first) == 0:
        raise InvalidInputError(
            f"values of shapes {tuple(first.shape)} and {tuple(second.shape)}; needed is one of "
            "each for the same rows."
        )
    if draws < 20 or not 0 < level < 1:
        raise InvalidInputError(
            f"draws={draws}, level={level}; allowed: 20 or more, above 0 and below 1."
        )
    differences = (first - second).double()
    generator = torch.Generator().manual_seed(seed)
    n, means = len(differences), []
    step = max(1, _AT_ONCE // n)
    for start in range(0, draws, step):
        rows = torch.randint(n, (min(step, draws - start), n), generator=generator)
        means.append(differences[rows.to(differences.device)].mean(1))
    tails = differences.new_tensor([(1 - level) / 2, (1 + level) / 2])
    low, high = torch.cat(means).quantile(tails)
    return Interval(float(differences.mean()), float(low), float(high))
