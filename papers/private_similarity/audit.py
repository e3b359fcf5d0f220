"""What an attacker can tell of one record from a release: a lower bound on epsilon."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.stats import beta

from common.errors import InvalidInputError


@dataclass(frozen=True)
class Attack:
    """Says that the record is there where a score is at least a threshold; or, with ``above``
    false, that it is not where a score is at most that."""

    threshold: float
    above: bool

    def rates(
        self, without: Float[np.ndarray, " n"], with_record: Float[np.ndarray, " n"]
    ) -> tuple[int, int]:
        """How often it speaks of releases without the record, and with it."""
        return tuple(
            int((scores >= self.threshold if self.above else scores <= self.threshold).sum())
            for scores in (without, with_record)
        )


def privacy_loss(
    released: Float[np.ndarray, "n path"], base: Float[np.ndarray, " path"], decimals: int = 6
) -> Float[np.ndarray, " n"]:
    """Sum over the counts that the record is in of |z| - |z - 1|, z what is released less the count
    without it: the log likelihood ratio of Laplace noise, times its scale.

    Rounded: the last bits of floating-point sums tell data sets apart by themselves.
    """
    z = released - base
    return np.round((np.abs(z) - np.abs(z - 1)).sum(1), decimals)


def epsilon_bound(
    without: Float[np.ndarray, " n"],
    with_record: Float[np.ndarray, " n"],
    confidence: float = 0.95,
) -> float:
    """A lower bound on epsilon of pure differential privacy, at a confidence.

    The attack is chosen on one half of the scores, and judged on the other by Clopper and Pearson's
    intervals, each at half the error.

    Raises:
        InvalidInputError: fewer than four scores, or not as many of both.
    """
    if len(without) != len(with_record) or len(without) < 4:
        raise InvalidInputError(
            f"{len(without)} and {len(with_record)} scores; allowed: as many of both, "
            "four at least."
        )
    half = len(without) // 2
    first, second = (without[:half], with_record[:half]), (without[half:], with_record[half:])
    places = np.unique(np.quantile(np.concatenate(first), np.linspace(0.001, 0.999, 199)))
    attacks = [Attack(float(place), above) for place in places for above in (True, False)]
    chosen = max(attacks, key=lambda attack: _bound(attack, *first, confidence))
    return max(0.0, _bound(chosen, *second, confidence))


def _bound(
    attack: Attack,
    without: Float[np.ndarray, " n"],
    with_record: Float[np.ndarray, " n"],
    confidence: float,
) -> float:
    """ln of the lower bound of the larger rate over the upper bound of the smaller."""
    n, error = len(without), (1 - confidence) / 2
    wrong, right = attack.rates(without, with_record)
    low, high = (right, wrong) if attack.above else (wrong, right)
    if low == 0:
        return -math.inf
    least = beta.ppf(error, low, n - low + 1)
    most = beta.ppf(1 - error, high + 1, n - high) if high < n else 1.0
    return math.log(least / most)
