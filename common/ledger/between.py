"""Relations between several metrics: how far means are apart, and how sure that is."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from common.ledger import intervals
from common.ledger.relations import TESTS, Leaf, Values, bound_text, figure, shown
from common.ledger.verdicts import FAILS, HOLDS, UNRESOLVED


@dataclass(frozen=True)
class Pair(Leaf):
    """Something about mean(a) - mean(b)."""

    a: str
    b: str

    def subjects(self) -> list[str]:
        return [self.a, self.b]

    def metrics(self) -> list[str]:
        return [self.a, self.b]

    def means(self, values: Values) -> str:
        return " - ".join(figure(statistics.fmean(values[m])) for m in (self.a, self.b))


@dataclass(frozen=True)
class Equivalence(Pair):
    """Welch's 95 % interval of the difference lies within bounds: two one-sided tests in one.

    Fails when the whole interval lies outside, on one side.
    """

    low: float
    high: float

    def judge(self, values: Values) -> tuple[str, str, float | None]:
        interval = intervals.of_difference(values[self.a], values[self.b])
        if self.low <= interval.low and interval.high <= self.high:
            verdict = HOLDS
        elif interval.low > self.high or interval.high < self.low:
            verdict = FAILS
        else:
            verdict = UNRESOLVED
        return verdict, f"{self.means(values)} = {shown(interval)}", interval.mean

    def bound(self, values: Values) -> str:
        return f"interval within [{figure(self.low)}, {figure(self.high)}]"


@dataclass(frozen=True)
class MeanDifference(Pair):
    """The difference of the means against bounds, and against its own standard error.

    Attributes:
        bounds: (word, number) pairs that must all be true.
        standard_errors: the difference exceeds so many of its standard errors; 0 asks for nothing.
    """

    bounds: tuple[tuple[str, float], ...]
    standard_errors: float = 0.0

    def judge(self, values: Values) -> tuple[str, str, float | None]:
        a, b = values[self.a], values[self.b]
        difference = statistics.fmean(a) - statistics.fmean(b)
        text = f"{self.means(values)} = {figure(difference)}"
        true = all(TESTS[word](difference, limit) for word, limit in self.bounds)
        if self.standard_errors:
            error = intervals.error_of_difference(a, b)
            text += f" (standard error {error:.2g})"
            true = true and difference > self.standard_errors * error
        return (HOLDS if true else FAILS), text, difference

    def bound(self, values: Values) -> str:
        text = bound_text([word for word, _ in self.bounds], [figure(x) for _, x in self.bounds])
        if self.standard_errors:
            text += f" and > {self.standard_errors:g} standard errors"
        return text


@dataclass(frozen=True)
class Spread(Leaf):
    """Largest minus smallest mean of several metrics is at most a limit."""

    candidates: tuple[str, ...]
    limit: float

    def subjects(self) -> list[str]:
        return list(self.candidates)

    def metrics(self) -> list[str]:
        return list(self.candidates)

    def judge(self, values: Values) -> tuple[str, str, float | None]:
        means = [statistics.fmean(values[m]) for m in self.candidates]
        spread = max(means) - min(means)
        text = f"{figure(min(means))} to {figure(max(means))}, spread {figure(spread)}"
        noise = _pooled_deviation([values[m] for m in self.candidates])
        if noise is not None:
            text += f" (deviation between seeds {noise:.2g})"
        return (HOLDS if spread <= self.limit else FAILS), text, spread

    def bound(self, values: Values) -> str:
        return f"spread <= {figure(self.limit)}"


def _pooled_deviation(groups: Sequence[Sequence[float]]) -> float | None:
    """Within-group standard deviation, None if no group has two values."""
    freedom = sum(len(g) - 1 for g in groups)
    if not freedom:
        return None
    squares = sum(statistics.variance(g) * (len(g) - 1) for g in groups if len(g) > 1)
    return (squares / freedom) ** 0.5
