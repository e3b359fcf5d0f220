"""95 % confidence intervals over seeds, by Student's t."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence limits, infinite where the seeds are too few to tell."""

    mean: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half the length."""
        return (self.high - self.low) / 2


def variance(values: Sequence[float]) -> float:
    """Of a sample, divisor n - 1; of equal values exactly 0.

    Not ``statistics.variance``: it reckons in fractions, a hundred times slower, for digits that
    no figure here shows.
    """
    if min(values) == max(values):
        return 0.0
    mean = statistics.fmean(values)
    return math.fsum((x - mean) * (x - mean) for x in values) / (len(values) - 1)


def deviation(values: Sequence[float]) -> float:
    """Standard deviation of a sample, the root of :func:`variance`."""
    return math.sqrt(variance(values))


def of_mean(values: Sequence[float]) -> Interval:
    """Interval of the mean: mean +- t_{n-1} s / sqrt(n). A single value has no finite one."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return Interval(mean, -math.inf, math.inf)
    error = deviation(values) / math.sqrt(len(values))
    return _around(mean, error, len(values) - 1)


def of_difference(a: Sequence[float], b: Sequence[float]) -> Interval:
    """Welch's interval of mean(a) - mean(b); variances may differ.

    Degrees of freedom after Satterthwaite: (u + v)^2 / (u^2 / (n_a - 1) + v^2 / (n_b - 1)) with
    u = s_a^2 / n_a and v = s_b^2 / n_b.
    """
    difference = statistics.fmean(a) - statistics.fmean(b)
    error = error_of_difference(a, b)
    if math.isinf(error):
        return Interval(difference, -math.inf, math.inf)
    u, v = variance(a) / len(a), variance(b) / len(b)
    if u + v == 0:
        return Interval(difference, difference, difference)
    freedom = (u + v) ** 2 / (u**2 / (len(a) - 1) + v**2 / (len(b) - 1))
    return _around(difference, error, freedom)


def of_pairs(a: Sequence[float], b: Sequence[float]) -> Interval:
    """Interval of the mean of a_i - b_i, seed by seed."""
    return of_mean([x - y for x, y in zip(a, b, strict=True)])


def error_of_pairs(a: Sequence[float], b: Sequence[float]) -> float:
    """Standard error of the mean of a_i - b_i; infinite for a single pair."""
    differences = [x - y for x, y in zip(a, b, strict=True)]
    if len(differences) < 2:
        return math.inf
    return deviation(differences) / math.sqrt(len(differences))


def of_slope(x: Sequence[float], y: Sequence[float]) -> Interval:
    """Least-squares slope of y on x, with n - 2 degrees of freedom.

    Two points have no finite interval.
    """
    n, mean_x, mean_y = len(x), statistics.fmean(x), statistics.fmean(y)
    square = sum((xi - mean_x) ** 2 for xi in x)
    slope = sum((xi - mean_x) * (yi - mean_y) for xi, yi in zip(x, y, strict=True)) / square
    if n < 3:
        return Interval(slope, -math.inf, math.inf)
    residuals = [yi - mean_y - slope * (xi - mean_x) for xi, yi in zip(x, y, strict=True)]
    error = math.sqrt(sum(r * r for r in residuals) / (n - 2) / square)
    return _around(slope, error, n - 2)


def error_of_difference(a: Sequence[float], b: Sequence[float]) -> float:
    """sqrt(s_a^2 / n_a + s_b^2 / n_b), of mean(a) - mean(b); infinite for a single value."""
    if min(len(a), len(b)) < 2:
        return math.inf
    return math.sqrt(variance(a) / len(a) + variance(b) / len(b))


def _around(mean: float, error: float, freedom: float) -> Interval:
    # Not scipy.stats, whose import takes longer than judging a thousand claims.
    from scipy.special import stdtrit

    width = float(stdtrit(freedom, (1 + CONFIDENCE) / 2)) * error
    return Interval(mean, mean - width, mean + width)
