"""What must hold between recorded metrics, as a small tree that can be evaluated.

A metric is named ``<task>/<variant>/<metric>``, for instance ``lra/image/s5_ptd/accuracy``; a bound
is a number or the name of another metric, whose mean then counts. ``relation_syntax`` reads the
tree from YAML.
"""

from __future__ import annotations

import math
import statistics
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from common.ledger import intervals
from common.ledger.intervals import Interval
from common.ledger.verdicts import FAILS, HOLDS, NOT_RUN, STALE, UNRESOLVED, at_least

Operand = float | str
Values = dict[str, Sequence[float]]
Bounds = tuple[tuple[str, Operand], ...]


@dataclass(frozen=True)
class Samples:
    """The values of one metric, one a seed.

    Attributes:
        values: in the order of the seeds.
        missing: what is not there, in words; a relation that needs it is ``not run``.
        stale: one of the values comes from code, configuration or data that have changed since.
        unequal: how the budgets of variants differ that were to be compared at equal ones.
    """

    values: tuple[float, ...]
    missing: tuple[str, ...] = ()
    stale: bool = False
    unequal: tuple[str, ...] = ()


Lookup = Callable[[str], Samples]


@dataclass(frozen=True)
class Finding:
    """The outcome of a relation.

    Attributes:
        name: of the relation.
        verdict: one of ``common.ledger.verdicts``.
        measured: what was found, as text.
        bound: what was asked for, as text.
        seeds: values behind each figure, as text (``5``, or ``5, 3`` for two metrics).
        value: the figure itself where there is a single one.
        missing: what is lacking for a verdict.
        parts: findings of the parts.
    """

    name: str
    verdict: str
    measured: str = ""
    bound: str = ""
    seeds: str = ""
    value: float | None = None
    missing: tuple[str, ...] = ()
    parts: tuple[Finding, ...] = ()

    def leaves(self) -> list[Finding]:
        """The findings without parts, left to right, each under the names of those above it."""
        if not self.parts:
            return [self]
        above = f"{self.name}: " if self.name else ""
        return [
            replace(leaf, name=f"{above}{leaf.name}")
            for part in self.parts
            for leaf in part.leaves()
        ]


class Relation(ABC):
    """Something that holds or does not."""

    name: str

    @abstractmethod
    def metrics(self) -> list[str]:
        """Names of the metrics it reads."""

    @abstractmethod
    def leaves(self) -> list[Leaf]:
        """The relations in it that read metrics themselves."""

    @abstractmethod
    def evaluate(self, lookup: Lookup) -> Finding:
        """Compare with what ``lookup`` knows of each metric."""


@dataclass(frozen=True)
class Combination(Relation):
    """``all``, ``any`` or at least so many of several relations.

    Attributes:
        parts: at least one.
        least: how many must hold; None means every one.
        folded: the parts are one statement repeated over values (``for_each``), to be shown as one.
    """

    name: str
    parts: tuple[Relation, ...]
    least: int | None = None
    folded: bool = False

    def metrics(self) -> list[str]:
        return unique(m for part in self.parts for m in part.metrics())

    def leaves(self) -> list[Leaf]:
        return [leaf for part in self.parts for leaf in part.leaves()]

    def evaluate(self, lookup: Lookup) -> Finding:
        findings = tuple(part.evaluate(lookup) for part in self.parts)
        least = len(findings) if self.least is None else self.least
        verdict = at_least(least, (f.verdict for f in findings))
        missing = tuple(unique(m for f in findings for m in f.missing))
        if not self.folded:
            name = self.name if self.least in (None, 1) else f"{self.name} ({least} of these)"
            return Finding(name.strip(), verdict, missing=missing, parts=findings)
        return Finding(
            self.name,
            verdict,
            measured=_range(findings),
            bound="; ".join(unique(f.bound for f in findings)),
            seeds="; ".join(unique(f.seeds for f in findings)),
            missing=missing,
        )


@dataclass(frozen=True)
class Leaf(Relation):
    """A relation that reads metrics itself."""

    name: str
    pairs_seeds = False  # whether values are compared seed by seed

    def leaves(self) -> list[Leaf]:
        return [self]

    def evaluate(self, lookup: Lookup) -> Finding:
        samples = {metric: lookup(metric) for metric in self.metrics()}
        missing = tuple(unique(m for s in samples.values() for m in s.missing))
        if missing:
            return Finding(self.name, NOT_RUN, bound=self.bound({}), missing=missing)
        values = {metric: s.values for metric, s in samples.items()}
        verdict, measured, value = self.judge(values)
        if len({split(metric)[:2] for metric in samples}) > 1:  # variants against each other
            missing = tuple(unique(u for s in samples.values() for u in s.unequal))
            verdict = UNRESOLVED if missing else verdict
        if any(s.stale for s in samples.values()):
            verdict = STALE
        seeds = ", ".join(unique(str(len(values[m])) for m in self.subjects()))
        return Finding(self.name, verdict, measured, self.bound(values), seeds, value, missing)

    @abstractmethod
    def subjects(self) -> list[str]:
        """The metrics under test, without those that serve as a bound."""

    @abstractmethod
    def judge(self, values: Values) -> tuple[str, str, float | None]:
        """Verdict, measured figure as text and as a number."""

    @abstractmethod
    def bound(self, values: Values) -> str:
        """What is asked for; a bound that is itself a metric shows its figure once it is known."""


_WORDS = {"at_least": ">=", "at_most": "<=", "above": ">", "below": "<"}
TESTS: dict[str, Callable[[float, float], bool]] = {
    "at_least": lambda x, y: x >= y,
    "at_most": lambda x, y: x <= y,
    "above": lambda x, y: x > y,
    "below": lambda x, y: x < y,
}


STATISTICS: dict[str, Callable[[Sequence[float]], float]] = {
    "mean": statistics.fmean,
    "median": statistics.median,
    "largest": max,
    "smallest": min,
}


@dataclass(frozen=True)
class Comparison(Leaf):
    """A statistic over seeds against bounds.

    Attributes:
        metric: the metric under test.
        bounds: (word, operand) pairs that must all be true; the words are ``at_least``,
            ``at_most``, ``above`` and ``below``.
        statistic: of the metric under test; a bound that is a metric counts by its mean.
    """

    metric: str
    bounds: Bounds
    statistic: str = "mean"

    def subjects(self) -> list[str]:
        return [self.metric]

    def metrics(self) -> list[str]:
        return unique([self.metric, *(b for _, b in self.bounds if isinstance(b, str))])

    def judge(self, values: Values) -> tuple[str, str, float | None]:
        found = STATISTICS[self.statistic](values[self.metric])
        true = meets(found, self.bounds, values)
        if self.statistic == "mean":
            text = figure_of(intervals.of_mean(values[self.metric]))
        else:
            text = f"{self.statistic} {figure(found)}"
        return (HOLDS if true else FAILS), text, found

    def bound(self, values: Values) -> str:
        return bound_text(self.bounds, values)


@dataclass(frozen=True)
class InSeeds(Leaf):
    """Bounds that so many of the seeds meet, each on its own."""

    metric: str
    bounds: Bounds
    least: int

    def subjects(self) -> list[str]:
        return [self.metric]

    def metrics(self) -> list[str]:
        return unique([self.metric, *(b for _, b in self.bounds if isinstance(b, str))])

    def judge(self, values: Values) -> tuple[str, str, float | None]:
        sample = values[self.metric]
        met = sum(meets(x, self.bounds, values) for x in sample)
        text = f"{met} of {len(sample)} seeds ({', '.join(figure(x) for x in sample)})"
        return (HOLDS if met >= self.least else FAILS), text, float(met)

    def bound(self, values: Values) -> str:
        text = bound_text(self.bounds, values)
        return f"{text} in at least {self.least} seeds"


@dataclass(frozen=True)
class MeanInterval(Leaf):
    """The 95 % interval of the mean lies above, below or within bounds.

    Holds when the whole interval does, fails when the whole lies on the other side.

    Attributes:
        low: what it lies above, None if nothing.
        high: what it lies below, None if nothing.
    """

    metric: str
    low: Operand | None
    high: Operand | None

    def subjects(self) -> list[str]:
        return [self.metric]

    def metrics(self) -> list[str]:
        return unique([self.metric, *(x for x in (self.low, self.high) if isinstance(x, str))])

    def judge(self, values: Values) -> tuple[str, str, float | None]:
        interval = intervals.of_mean(values[self.metric])
        limits = [None if x is None else number(x, values) for x in (self.low, self.high)]
        return lies(interval, *limits), shown(interval), interval.mean

    def bound(self, values: Values) -> str:
        return interval_text(self.low, self.high, values)


@dataclass(frozen=True)
class Undecided(Relation):
    """A check whose bound is not fixed: it can be run, not judged."""

    name: str = "no bound"

    def metrics(self) -> list[str]:
        return []

    def leaves(self) -> list[Leaf]:
        return []

    def evaluate(self, lookup: Lookup) -> Finding:
        return Finding(self.name, UNRESOLVED, bound="none is fixed for this scale")


def meets(value: float, bounds: Bounds, values: Values) -> bool:
    """Whether a value is within all bounds."""
    return all(TESTS[word](value, number(bound, values)) for word, bound in bounds)


def bound_text(bounds: Bounds, values: Values) -> str:
    """Bounds as they are shown: ``>= 1 and < 2``, or ``in [1, 2]``."""
    limits = [operand_text(bound, values) for _, bound in bounds]
    if [word for word, _ in bounds] == ["at_least", "at_most"]:
        return f"in [{limits[0]}, {limits[1]}]"
    return " and ".join(f"{_WORDS[w]} {x}" for (w, _), x in zip(bounds, limits, strict=True))


def figure(value: float) -> str:
    """Four significant digits."""
    return f"{value:.4g}"


def figure_of(interval: Interval) -> str:
    """The estimate, with the half width of its interval where seeds give one and differ."""
    known = math.isfinite(interval.half_width) and interval.half_width > 0
    return shown(interval) if known else figure(interval.mean)


def shown(interval: Interval) -> str:
    """``mean ± half width``."""
    if math.isinf(interval.half_width):
        return f"{figure(interval.mean)} (no interval from one seed)"
    return f"{figure(interval.mean)} ± {interval.half_width:.2g}"


def interval_text(low: Operand | None, high: Operand | None, values: Values) -> str:
    """Where an interval is to lie."""
    if low is None or high is None:
        limit = high if low is None else low
        return f"interval {'<' if low is None else '>'} {operand_text(limit, values)}"
    return f"interval within [{operand_text(low, values)}, {operand_text(high, values)}]"


def lies(interval: Interval, low: float | None, high: float | None) -> str:
    """Whether an interval lies above ``low`` and below ``high``; fails when the whole of it lies
    beyond one of them. A two-sided bound may be touched."""
    if low is not None and high is not None:
        inside = low <= interval.low and interval.high <= high
    else:
        inside = (low is None or interval.low > low) and (high is None or interval.high < high)
    if inside:
        return HOLDS
    beyond = (low is not None and interval.high < low) or (high is not None and interval.low > high)
    return FAILS if beyond else UNRESOLVED


def label(metric: str) -> str:
    """A metric's name without the variant that a paper has only one of."""
    return metric.replace("/closed_form/", "/")


def split(metric: str) -> tuple[str, str, str]:
    """Task, variant and metric; a task's own name may contain slashes."""
    task, variant, name = metric.rsplit("/", 2)
    return task, variant, name


def number(operand: Operand, values: Values) -> float:
    """A bound's value; a metric counts by its mean."""
    return statistics.fmean(values[operand]) if isinstance(operand, str) else operand


def operand_text(operand: Operand, values: Values) -> str:
    """A bound as it is shown."""
    if not isinstance(operand, str):
        return figure(operand)
    name = operand.rpartition("/")[2].replace("_", " ")
    return f"{name} {figure(number(operand, values))}" if operand in values else name


def _range(findings: Sequence[Finding]) -> str:
    known = [f.value for f in findings if f.value is not None]
    if not known or len(known) < len(findings):
        return ""
    return f"{figure(min(known))} to {figure(max(known))}"


def unique(items: Iterable[str]) -> list[str]:
    """Each once, in the order of their first."""
    return list(dict.fromkeys(items))
