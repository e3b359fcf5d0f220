"""The least number of rows at which a sample is good half of the time."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.stats import binom
from torch import Tensor

from common.errors import InvalidInputError
from common.sketching.rows import drawn
from papers.sensitivity_sampling.distortion import Original


def good_half_of_the_time(
    original: Original,
    scores: Float[Tensor, " n"],
    expected: float,
    bound: float,
    coins: int,
    rng: np.random.Generator,
) -> bool:
    """Whether the median distortion over an odd number of ``coins`` is at most a bound; ends as
    soon as that is decided."""
    if coins % 2 == 0:
        raise InvalidInputError(f"coins={coins}; an odd number has a median among them.")
    good = bad = 0
    while max(good, bad) <= coins // 2:
        weights = drawn(scores, expected, rng).spread(len(scores))
        if original.distortion(weights).value <= bound:
            good += 1
        else:
            bad += 1
    return good > bad


def least_rows(
    original: Original,
    scores: Float[Tensor, " n"],
    start: int,
    bound: float,
    coins: int,
    rng: np.random.Generator,
    growth: float = 1.25,
) -> float:
    """The first of start, start growth, start growth^2, ... at which it is.

    Raises:
        InvalidInputError: not even with all rows.
    """
    expected = float(start)
    while expected < len(scores):
        if good_half_of_the_time(original, scores, expected, bound, coins, rng):
            return expected
        expected *= growth
    raise InvalidInputError(
        f"a distortion of {bound:g} takes more than the {len(scores)} rows there are; start from a "
        f"larger matrix."
    )


def least_rows_identity(copies: int, d: int, bound: float, share: float = 0.5) -> int:
    """The same of d columns of stacked identities, exactly: all coins have one q, the distortion is
    the largest |N_j / (copies q) - 1|, and the N_j are independent binomials. The least number of
    rows from which on all d are within the bound with probability ``share``.

    Raises:
        InvalidInputError: not even with all rows but one.
    """
    least = None
    for rows in range(copies * d - 1, 0, -1):
        q = rows / (copies * d)
        mean = copies * q
        # Bounds that are whole numbers belong to it.
        low, high = np.ceil((1 - bound) * mean - 1e-9), np.floor((1 + bound) * mean + 1e-9)
        inside = binom.cdf(high, copies, q) - binom.cdf(low - 1, copies, q)
        if inside**d < share:
            break
        least = rows
    if least is None:
        raise InvalidInputError(
            f"{copies} copies of {d} columns are too few for a distortion of {bound:g}."
        )
    return least
