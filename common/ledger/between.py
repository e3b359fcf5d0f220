"""Relations between several metrics: how far means are apart, and how sure that is."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from common.ledger import intervals
from common.ledger.relations import (
    Bounds,
    Leaf,
    Operand,
    Values,
    bound_text,
    figure,
    figure_of,
    interval_text,
    lies,
    meets,
    number,
    operand_text,
    shown,
)
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
class DifferenceInterval(Pair):
    """The 95 % interval of mean(a) - mean(b) lies above, below or within bounds: Welch's, or, if
    paired, that of the differences seed by seed.

    Holds when the whole interval does (within both: two one-sided tests in one), fails when the
    whole lies beyond one of them.
    """

    low: float | None
    high: float | None
    paired: bool = False

    @property
    def pairs_seeds(self) -> bool:
        return self.paired

    def judge(self, values: Values) -> tuple[str, str, float | None]:
        a, b = values[self.a], values[self.b]
        interval = intervals.of_pairs(a, b) if self.paired else intervals.of_difference(a, b)
        text = f"{self.means(values)} = {shown(interval)}"
        return lies(interval, self.low, self.high), text, interval.mean

    def bound(self, values: Values) -> str:
        return interval_text(self.low, self.high, values)


@dataclass(frozen=True)
class MeanDifference(Pair):
    """The difference of the means against bounds, and against its own standard error.

    Attributes:
        bounds: (word, number) pairs that must all be true.
        standard_errors: the difference exceeds so many of its standard errors, of which a negative
            number allows it to lie below 0; 0 asks for nothing.
        paired: the standard error is that of the differences seed by seed.
    """

    bounds: Bounds
    standard_errors: float = 0.0
    paired: bool = False

    @property
    def pairs_seeds(self) -> bool:
        return self.paired

    def judge(self, values: Values) -> tuple[str, str, float | None]:
        a, b = values[self.a], values[self.b]
        difference = statistics.fmean(a) - statistics.fmean(b)
        interval = intervals.of_pairs(a, b) if self.paired else intervals.of_difference(a, b)
        text = f"{self.means(values)} = {figure_of(interval)}"
        true = meets(difference, self.bounds, values)
        if self.standard_errors:
            of = intervals.error_of_pairs if self.paired else intervals.error_of_difference
            error = of(a, b)
            if math.isinf(error):
                return UNRESOLVED, f"{text} (no standard error from one seed)", difference
            text += f" (standard error {error:.2g})"
            true = true and difference > self.standard_errors * error
        return (HOLDS if true else FAILS), text, difference

    def bound(self, values: Values) -> str:
        text = bound_text(self.bounds, values)
        if self.standard_errors:
            errors = f"> {self.standard_errors:g} standard errors"
            text = f"{text} and {errors}" if text else errors
        return text


@dataclass(frozen=True)
class Ratio(Pair):
    """mean(a) / mean(b) against bounds; a ratio to zero is undefined and fails."""

    bounds: Bounds

    def judge(self, values: Values) -> tuple[str, str, float | None]:
        a, b = (statistics.fmean(values[m]) for m in (self.a, self.b))
        if b == 0:
            return FAILS, f"{figure(a)} / 0", None
        true = meets(a / b, self.bounds, values)
        return (HOLDS if true else FAILS), f"{figure(a)} / {figure(b)} = {figure(a / b)}", a / b

    def bound(self, values: Values) -> str:
        return bound_text(self.bounds, values)


@dataclass(frozen=True)
class Equality(Leaf):
    """The mean is a closed form's value, within relative |target| + absolute."""

    metric: str
    target: Operand
    relative: float
    absolute: float

    def subjects(self) -> list[str]:
        return [self.metric]

    def metrics(self) -> list[str]:
        return [self.metric, *([self.target] if isinstance(self.target, str) else [])]

    def judge(self, values: Values) -> tuple[str, str, float | None]:
        mean, target = statistics.fmean(values[self.metric]), number(self.target, values)
        error = abs(mean - target)
        true = error <= self.relative * abs(target) + self.absolute
        return (HOLDS if true else FAILS), f"{figure(mean)}, off by {error:.2g}", mean

    def bound(self, values: Values) -> str:
        parts = [f"{self.relative:g} of it"] if self.relative else []
        parts += [f"{self.absolute:g}"] if self.absolute else []
        return f"= {operand_text(self.target, values)} within {' + '.join(parts)}"


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


@dataclass(frozen=True)
class BestOf(Leaf):
    """The setting with the best (largest) mean is at least a threshold.

    Of the settings on either side of the threshold the best is taken, and Welch's 95 % interval of
    their difference decides: unresolved where the seeds do not separate the two. (That each is the
    best of several is not corrected for.)

    Attributes:
        candidates: (setting, metric) pairs, with settings on both sides.
        threshold: the setting from which on the best is expected.
    """

    candidates: tuple[tuple[float, str], ...]
    threshold: float

    def subjects(self) -> list[str]:
        return [metric for _, metric in self.candidates]

    def metrics(self) -> list[str]:
        return self.subjects()

    def judge(self, values: Values) -> tuple[str, str, float | None]:
        def best(side: list[tuple[float, str]]) -> tuple[float, str]:
            return max(side, key=lambda c: statistics.fmean(values[c[1]]))

        upper = best([c for c in self.candidates if c[0] >= self.threshold])
        lower = best([c for c in self.candidates if c[0] < self.threshold])
        interval = intervals.of_difference(values[upper[1]], values[lower[1]])
        means = ", ".join(
            f"{s:g}: {figure(statistics.fmean(values[m]))}" for s, m in self.candidates
        )
        text = f"{means}; {upper[0]:g} - {lower[0]:g} = {shown(interval)}"
        return lies(interval, 0.0, None), text, best([upper, lower])[0]

    def bound(self, values: Values) -> str:
        return f"best at >= {self.threshold:g}"


def _pooled_deviation(groups: Sequence[Sequence[float]]) -> float | None:
    """Within-group standard deviation, None if no group has two values."""
    freedom = sum(len(g) - 1 for g in groups)
    if not freedom:
        return None
    squares = sum(intervals.variance(g) * (len(g) - 1) for g in groups if len(g) > 1)
    return (squares / freedom) ** 0.5
