"""The orthogonal functions p_n of each measure in closed form, to rebuild the past from the state.

sum_n x_n(t) p_n(s) estimates u(t - s): the projection of the past on the p_n under the weight of
the measure, which is e^-s for legs, 1/2 on [0, 2] for the windows and 1 for lagt.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float
from scipy.special import eval_laguerre, eval_legendre

from common.errors import InvalidInputError

MEASURES = ("legs", "legt", "fout", "lagt")


def basis_functions(
    measure: str, n: int, s: Float[np.ndarray, " times"]
) -> Float[np.ndarray, "times {n}"]:
    """p_0 .. p_{n-1} at the ages ``s``; zero outside the window of legt and fout.

    Raises:
        InvalidInputError: the measure has no such functions.
    """
    if measure not in MEASURES:
        raise InvalidInputError(f"measure={measure!r}; allowed: {', '.join(MEASURES)}.")
    degree, s = np.arange(n), np.asarray(s, dtype=np.float64)[:, None]
    if measure == "lagt":
        return np.exp(-s / 2) * eval_laguerre(degree, s)
    norm = np.sqrt(2 * degree + 1)
    if measure == "legs":
        return norm * eval_legendre(degree, 2 * np.exp(-s) - 1)
    inside = (s >= 0) & (s <= 2)
    if measure == "legt":
        return inside * norm * eval_legendre(degree, 1 - s)
    frequency = degree // 2
    waves = np.where(
        degree % 2 == 0, np.cos(math.pi * frequency * s), np.sin(frequency * s * math.pi)
    )
    return inside * np.where(degree == 0, 1.0, math.sqrt(2)) * waves


def weight(measure: str, s: Float[np.ndarray, " times"]) -> Float[np.ndarray, " times"]:
    """w(s), under which the p_n are orthonormal: K_n = p_n w.

    Raises:
        InvalidInputError: the measure has no such functions.
    """
    if measure not in MEASURES:
        raise InvalidInputError(f"measure={measure!r}; allowed: {', '.join(MEASURES)}.")
    s = np.asarray(s, dtype=np.float64)
    if measure == "legs":
        return np.exp(-s)
    if measure == "lagt":
        return np.ones_like(s)
    return np.where((s >= 0) & (s <= 2), 0.5, 0.0)
