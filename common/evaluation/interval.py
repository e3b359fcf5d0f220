"""A figure and the interval it lies in."""

from __future__ import annotations

from typing import NamedTuple


class Interval(NamedTuple):
    """An estimate with its confidence interval.

    Attributes:
        value: the estimate.
        low: lower end.
        high: upper end.
    """

    value: float
    low: float
    high: float
