"""The threshold in closed form: how many monomials an error of 1/L takes, for very large L.

d = ceil(ln L) and beta = 1/d, so that scores stay below R = Gamma^2; with Gamma^2 = (ln L)^s the
paper's condition Gamma = o(sqrt(log L)) is s < 1, and s = 1 is where it ends. g is the smallest
integer with ``R^(g+1) e^(2R) / (g+1)! <= 1/L``, k1 = C(d + g, g).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from common.errors import InvalidInputError


@dataclass(frozen=True)
class Point:
    """Of one length.

    Attributes:
        width: d.
        degree: g.
        exponent: log k1 / log L: L^exponent monomials.
    """

    width: int
    degree: int
    exponent: float


def point(log_length: float, s: float) -> Point:
    """For L = exp(log_length).

    Raises:
        InvalidInputError: ``log_length`` is below 1, or s is not in (0, 1].
    """
    if not (log_length >= 1 and 0 < s <= 1):
        raise InvalidInputError(
            f"log_length={log_length} and s={s}; allowed: 1 or more, and above 0 up to 1."
        )
    width, radius = math.ceil(log_length), log_length**s
    # The remainder rises with g up to R and falls from there; at 0 it is above 1.
    low, high = math.floor(radius) - 1, math.ceil(radius) + 1
    while _log_remainder(high, radius) > -log_length:
        high *= 2
    while high - low > 1:
        middle = (low + high) // 2
        if _log_remainder(middle, radius) > -log_length:
            low = middle
        else:
            high = middle
    count = math.lgamma(width + high + 1) - math.lgamma(width + 1) - math.lgamma(high + 1)
    return Point(width, high, count / log_length)


def _log_remainder(degree: int, radius: float) -> float:
    return (degree + 1) * math.log(radius) + 2 * radius - math.lgamma(degree + 2)
