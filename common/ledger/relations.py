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
from common.ledger.verdicts import (
    FAILS,
    HOLDS,
    NOT_RUN,
    STALE,
    UNRESOLVED,
    all_of,
    any_of,
)

Operand = float | str
Values = dict[str, Sequence[float]]


@dataclass(frozen=True)
class Samples:
    """The values of one metric, one a seed.

    Attributes:
        values: in the order of the seeds.
        missing: what is not there, in words; a relation that needs it is ``not run``.
        stale: one of the values belongs to a configuration that has changed since.
    """

    values: tuple[float, ...]
    missing: tuple[str, ...] = ()
    stale: bool = False


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
        missing: what is lacking, where the verdict is ``not run``.
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
    def evaluate(self, lookup: Lookup) -> Finding:
        """Compare with what ``lookup`` knows of each metric."""


@dataclass(frozen=True)
class Combination(Relation):
    """``all`` or ``any`` of several relations.

    Attributes:
        parts: at least one.
        every: ``all`` if true, else ``any``.
        folded: the parts are one statement repeated over values (``for_each``), to be shown as one.
    """

    name: str
    parts: tuple[Relation, ...]
    every: bool = True
    folded: bool = False

    def metrics(self) -> list[str]:
        return _unique(m for part in self.parts for m in part.metrics())

    def evaluate(self, lookup: Lookup) -> Finding:
        findings = tuple(part.evaluate(lookup) for part in self.parts)
        verdict = (all_of if self.every else any_of)(f.verdict for f in findings)
        missing = tuple(_unique(m for f in findings for m in f.missing))
        if not self.folded:
            return Finding(self.name, verdict, missing=missing, parts=findings)
        return Finding(
            self.name,
            verdict,
            measured=_range(findings),
            bound="; ".join(_unique(f.bound for f in findings)),
            seeds="; ".join(_unique(f.seeds for f in findings)),
            missing=missing,
        )


@dataclass(frozen=True)
class Leaf(Relation):
    """A relation that reads metrics itself."""

    name: str

    def evaluate(self, lookup: Lookup) -> Finding:
        samples = {metric: lookup(metric) for metric in self.metrics()}
        missing = tuple(_unique(m for s in samples.values() for m in s.missing))
        if missing:
            return Finding(self.name, NOT_RUN, bound=self.bound({}), missing=missing)
        values = {metric: s.values for metric, s in samples.items()}
        verdict, measured, value = self.judge(values)
        if any(s.stale for s in samples.values()):
            verdict = STALE
        seeds = ", ".join(_unique(str(len(values[m])) for m in self.subjects()))
        return Finding(self.name, verdict, measured, self.bound(values), seeds, value)

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


@dataclass(frozen=True)
class Comparison(Leaf):
    """The mean over seeds against bounds.

    Attributes:
        metric: the metric under test.
        bounds: (word, operand) pairs that must all be true; the words are ``at_least``,
            ``at_most``, ``above`` and ``below``.
    """

    metric: str
    bounds: tuple[tuple[str, Operand], ...]

    def subjects(self) -> list[str]:
        return [self.metric]

    def metrics(self) -> list[str]:
        return _unique([self.metric, *(b for _, b in self.bounds if isinstance(b, str))])

    def judge(self, values: Values) -> tuple[str, str, float | None]:
        mean = statistics.fmean(values[self.metric])
        true = all(TESTS[word](mean, _number(bound, values)) for word, bound in self.bounds)
        return (HOLDS if true else FAILS), figure(mean), mean

    def bound(self, values: Values) -> str:
        return bound_text(
            [word for word, _ in self.bounds], [_operand(x, values) for _, x in self.bounds]
        )


@dataclass(frozen=True)
class MeanInterval(Leaf):
    """The 95 % interval of the mean lies above (or below) a bound.

    Holds when the whole interval does, fails when the whole lies on the other side.
    """

    metric: str
    above: bool
    limit: Operand

    def subjects(self) -> list[str]:
        return [self.metric]

    def metrics(self) -> list[str]:
        return _unique([self.metric, *([self.limit] if isinstance(self.limit, str) else [])])

    def judge(self, values: Values) -> tuple[str, str, float | None]:
        interval = intervals.of_mean(values[self.metric])
        verdict = _side(interval, _number(self.limit, values), self.above)
        return verdict, shown(interval), interval.mean

    def bound(self, values: Values) -> str:
        return f"interval {'>' if self.above else '<'} {_operand(self.limit, values)}"


@dataclass(frozen=True)
class Difference(Leaf):
    """Welch's 95 % interval of mean(a) - mean(b) lies above (or below) a bound."""

    a: str
    b: str
    above: bool
    limit: float

    def subjects(self) -> list[str]:
        return [self.a, self.b]

    def metrics(self) -> list[str]:
        return [self.a, self.b]

    def judge(self, values: Values) -> tuple[str, str, float | None]:
        a, b = values[self.a], values[self.b]
        interval = intervals.of_difference(a, b)
        means = f"{figure(statistics.fmean(a))} - {figure(statistics.fmean(b))}"
        verdict = _side(interval, self.limit, self.above)
        return verdict, f"{means} = {shown(interval)}", interval.mean

    def bound(self, values: Values) -> str:
        return f"interval {'>' if self.above else '<'} {figure(self.limit)}"


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
        return _side(interval, 0.0, above=True), text, best([upper, lower])[0]

    def bound(self, values: Values) -> str:
        return f"best at >= {self.threshold:g}"


@dataclass(frozen=True)
class Undecided(Relation):
    """A check whose bound is not fixed: it can be run, not judged."""

    name: str = "no bound"

    def metrics(self) -> list[str]:
        return []

    def evaluate(self, lookup: Lookup) -> Finding:
        return Finding(self.name, UNRESOLVED, bound="none is fixed for this scale")


def bound_text(words: Sequence[str], limits: Sequence[str]) -> str:
    """Bounds as they are shown: ``>= 1 and < 2``, or ``in [1, 2]``."""
    if list(words) == ["at_least", "at_most"]:
        return f"in [{limits[0]}, {limits[1]}]"
    return " and ".join(f"{_WORDS[w]} {x}" for w, x in zip(words, limits, strict=True))


def figure(value: float) -> str:
    """Four significant digits."""
    return f"{value:.4g}"


def shown(interval: Interval) -> str:
    """``mean ± half width``."""
    if math.isinf(interval.half_width):
        return f"{figure(interval.mean)} (no interval from one seed)"
    return f"{figure(interval.mean)} ± {interval.half_width:.2g}"


def _side(interval: Interval, limit: float, above: bool) -> str:
    over, under = interval.low > limit, interval.high < limit
    if not (over or under):
        return UNRESOLVED
    return HOLDS if over == above else FAILS


def _number(operand: Operand, values: Values) -> float:
    return statistics.fmean(values[operand]) if isinstance(operand, str) else operand


def _operand(operand: Operand, values: Values) -> str:
    if not isinstance(operand, str):
        return figure(operand)
    name = operand.rpartition("/")[2].replace("_", " ")
    return f"{name} {figure(_number(operand, values))}" if operand in values else name


def _range(findings: Sequence[Finding]) -> str:
    known = [f.value for f in findings if f.value is not None]
    if not known or len(known) < len(findings):
        return ""
    return f"{figure(min(known))} to {figure(max(known))}"


def _unique(items: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(items))
