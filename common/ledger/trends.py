"""Relations along a list of metrics: order, monotony, slope, rank correlation."""

from __future__ import annotations

import itertools
import math
import statistics
from dataclasses import dataclass

from common.ledger import intervals
from common.ledger.relations import (
    Bounds,
    Leaf,
    Values,
    bound_text,
    figure,
    interval_text,
    lies,
    meets,
    shown,
)
from common.ledger.verdicts import FAILS, HOLDS


@dataclass(frozen=True)
class Chain(Leaf):
    """Something about the means of several metrics in a given order."""

    chain: tuple[str, ...]

    def subjects(self) -> list[str]:
        return list(self.chain)

    def metrics(self) -> list[str]:
        return list(dict.fromkeys(self.chain))

    def means(self, values: Values) -> list[float]:
        return [statistics.fmean(values[m]) for m in self.chain]


@dataclass(frozen=True)
class Order(Chain):
    """Each mean exceeds the next by more than a margin."""

    margin: float

    def judge(self, values: Values) -> tuple[str, str, float | None]:
        means = self.means(values)
        gaps = [a - b for a, b in itertools.pairwise(means)]
        true = min(gaps) > self.margin
        text = f"{', '.join(map(figure, means))}; least gap {figure(min(gaps))}"
        return (HOLDS if true else FAILS), text, min(gaps)

    def bound(self, values: Values) -> str:
        return f"each above the next by more than {figure(self.margin)}"


@dataclass(frozen=True)
class Monotone(Chain):
    """Means never go back by more than a slack, but for so many exceptions."""

    rising: bool
    slack: float
    inversions: int

    def judge(self, values: Values) -> tuple[str, str, float | None]:
        means = self.means(values)
        sign = 1 if self.rising else -1
        back = [sign * (a - b) for a, b in itertools.pairwise(means)]
        against = sum(step > self.slack for step in back)
        text = f"{', '.join(map(figure, means))}; {against} against"
        return (HOLDS if against <= self.inversions else FAILS), text, float(against)

    def bound(self, values: Values) -> str:
        text = "rising" if self.rising else "falling"
        text += f", slack {figure(self.slack)}" if self.slack else ""
        return text + (f", up to {self.inversions} against" if self.inversions else "")


@dataclass(frozen=True)
class Slope(Leaf):
    """Least-squares slope of the logarithm of a mean in the logarithm of a setting.

    The interval is that of the fit to the means (points - 2 degrees of freedom): it knows how well
    a power law describes them, and the seeds only through their scatter.

    Attributes:
        points: (setting, metric), by setting.
        bounds: on the slope itself; or
        side: where its interval is to lie, (low, high).
    """

    points: tuple[tuple[float, str], ...]
    bounds: Bounds
    side: tuple[float | None, float | None] | None

    def subjects(self) -> list[str]:
        return [metric for _, metric in self.points]

    def metrics(self) -> list[str]:
        return list(dict.fromkeys(self.subjects()))

    def judge(self, values: Values) -> tuple[str, str, float | None]:
        means = [statistics.fmean(values[m]) for _, m in self.points]
        if min(means) <= 0:
            return FAILS, f"{figure(min(means))} has no logarithm", None
        fit = intervals.of_slope(
            [math.log(setting) for setting, _ in self.points], [math.log(y) for y in means]
        )
        text = shown(fit) if len(means) > 2 else figure(fit.mean)
        text += f" over {self.points[0][0]:g} to {self.points[-1][0]:g}"
        if self.side is not None:
            return lies(fit, *self.side), text, fit.mean
        true = meets(fit.mean, self.bounds, values)
        return (HOLDS if true else FAILS), text, fit.mean

    def bound(self, values: Values) -> str:
        if self.side is not None:
            return interval_text(*self.side, values)
        return bound_text(self.bounds, values)


@dataclass(frozen=True)
class RankCorrelation(Leaf):
    """Spearman's correlation between two lists of means, ties by mid-ranks."""

    points: tuple[tuple[str, str], ...]
    bounds: Bounds

    def subjects(self) -> list[str]:
        return [metric for pair in self.points for metric in pair]

    def metrics(self) -> list[str]:
        return list(dict.fromkeys(self.subjects()))

    def judge(self, values: Values) -> tuple[str, str, float | None]:
        from scipy.stats import spearmanr

        a, b = (
            [statistics.fmean(values[m]) for m in side] for side in zip(*self.points, strict=True)
        )
        if len(set(a)) < 2 or len(set(b)) < 2:
            return FAILS, "one of the lists is constant", None
        found = float(spearmanr(a, b).statistic)
        true = meets(found, self.bounds, values)
        return (HOLDS if true else FAILS), f"{figure(found)} over {len(a)} pairs", found

    def bound(self, values: Values) -> str:
        return bound_text(self.bounds, values)
