"""Sensitivities between what is cheaper to compute, with constants of exactly 1.

    p < 2:  d^{p/2-1} w_i <= s_i <= w_i,           s_i <= tau_i^{p/2} <= n^{1-p/2} s_i
    p > 2:  w_i <= s_i <= d^{p/2-1} w_i,           tau_i^{p/2} <= s_i <= n^{p/2-1} tau_i^{p/2}

w are Lewis weights, tau leverage scores (T 7.3; Chen and Derezinski, 2021). Summed:
d^{p/2} <= S <= d below 2, d <= S <= d^{p/2} above.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def upper_bounds(
    lewis: Float[Tensor, " n"], leverage: Float[Tensor, " n"], p: float
) -> Float[Tensor, " n"]:
    """The smaller of the two upper bounds of s_i, and 1."""
    n, d = len(lewis), float(lewis.sum())
    larger = max(1.0, d ** (p / 2 - 1)), max(1.0, n ** (p / 2 - 1))
    return torch.minimum(larger[0] * lewis, larger[1] * leverage ** (p / 2)).clamp(max=1)


def lower_bounds(
    lewis: Float[Tensor, " n"], leverage: Float[Tensor, " n"], p: float
) -> Float[Tensor, " n"]:
    """The larger of the two lower bounds of s_i."""
    n, d = len(lewis), float(lewis.sum())
    smaller = min(1.0, d ** (p / 2 - 1)), min(1.0, n ** (p / 2 - 1))
    return torch.maximum(smaller[0] * lewis, smaller[1] * leverage ** (p / 2))


def total_outside(total: tuple[float, float], d: int, p: float) -> float:
    """How far an interval of S lies beyond ``total_bounds``, relative; 0 or less if it does not."""
    low, high = total_bounds(d, p)
    return max(low / total[1], total[0] / high) - 1


def total_bounds(d: int, p: float) -> tuple[float, float]:
    """Between which S lies."""
    return min(float(d), d ** (p / 2)), max(float(d), d ** (p / 2))
