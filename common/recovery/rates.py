"""How fast an error falls: least-squares lines through its logarithm."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from common.errors import InvalidInputError


@dataclass(frozen=True)
class Line:
    """y = slope x + intercept.

    Attributes:
        error: standard error of the slope; nan of two points.
        residual: root of the mean square of what is left.
    """

    slope: float
    intercept: float
    error: float
    residual: float


def line(x: ArrayLike, y: ArrayLike) -> Line:
    """Least squares.

    Raises:
        InvalidInputError: fewer than two different x, or a value that is not finite.
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if len(x) != len(y) or len(np.unique(x)) < 2 or not np.isfinite([x, y]).all():
        raise InvalidInputError(
            f"a line through {len(x)} points ({len(np.unique(x))} different x): two are wanted, "
            f"and finite values."
        )
    centred = x - x.mean()
    slope = float(centred @ y / (centred @ centred))
    left = y - y.mean() - slope * centred
    squares = float(left @ left)
    error = math.sqrt(squares / (len(x) - 2) / float(centred @ centred)) if len(x) > 2 else math.nan
    return Line(slope, float(y.mean() - slope * x.mean()), error, math.sqrt(squares / len(x)))


def geometric(errors: Float[np.ndarray, " steps"], high: float, low: float) -> Line:
    """ln e over the steps, on the later half of those with low < e < high.

    The window ends where e first falls to ``low``: below it rounding decides.

    Args:
        errors: one a step, from the start.

    Raises:
        InvalidInputError: the errors do not fall through the window in four steps or more.
    """
    errors = np.asarray(errors, dtype=float)
    below = np.flatnonzero(errors <= low)
    last = below[0] if len(below) else len(errors)
    inside = np.flatnonzero((errors[:last] < high) & (errors[:last] > low))
    if len(inside) < 4:
        raise InvalidInputError(
            f"{len(inside)} of {len(errors)} errors lie between {low:g} and {high:g}; a rate needs "
            f"four. The last error is {errors[-1]:.3g}: take more steps, or another window."
        )
    later = inside[len(inside) // 2 :]
    return line(later, np.log(errors[later]))


def power(errors: Float[np.ndarray, " steps"], at: list[int]) -> Line:
    """ln e over ln T at some steps T."""
    errors = np.asarray(errors, dtype=float)
    if min(at) < 1 or max(at) >= len(errors):
        raise InvalidInputError(f"steps {at}; allowed: 1 to {len(errors) - 1}.")
    return line(np.log(at), np.log(errors[at]))


def first_below(errors: Float[np.ndarray, " steps"], bound: float) -> float:
    """The first step whose error is below a bound; the number of errors if none is."""
    below = np.flatnonzero(np.asarray(errors) < bound)
    return float(below[0] if len(below) else len(errors))
