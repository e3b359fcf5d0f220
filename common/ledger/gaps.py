"""How much of the gap between a baseline and a reference a method closes, and comparisons of two
variants over several sets or in so many seeds."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from common.ledger.relations import Bounds, Leaf, Values, bound_text, figure, meets, unique
from common.ledger.verdicts import FAILS, HOLDS


@dataclass(frozen=True)
class Gap:
    """A method between baselines and a reference; the best baseline counts.

    Attributes:
        reference: what a baseline falls short of.
        method: under test.
        baselines: at least one.
    """

    reference: str
    method: str
    baselines: tuple[str, ...]


@dataclass(frozen=True)
class GapsClosed(Leaf):
    """Per cent of the gap that is closed, (baseline - method) / (baseline - reference) of the
    means, on average over the gaps that are wide enough; with none of them wide enough it fails.

    Attributes:
        gaps: one or more.
        lower_is_better: of the metrics.
        beyond: a gap counts if it is wider.
        bounds: on the average.
    """

    gaps: tuple[Gap, ...]
    lower_is_better: bool
    beyond: float
    bounds: Bounds

    def subjects(self) -> list[str]:
        return [gap.method for gap in self.gaps]

    def metrics(self) -> list[str]:
        return unique(m for g in self.gaps for m in (g.reference, g.method, *g.baselines))

    def judge(self, values: Values) -> tuple[str, str, float | None]:
        closed = [c for gap in self.gaps if (c := self._closed(gap, values)) is not None]
        if not closed:
            return FAILS, f"no gap beyond {self.beyond:g}", None
        mean = statistics.fmean(closed)
        each = ", ".join(figure(c) for c in closed)
        text = f"{figure(mean)} %"
        if len(self.gaps) > 1:
            text += f" over {len(closed)} of {len(self.gaps)} gaps ({each})"
        return (HOLDS if meets(mean, self.bounds, values) else FAILS), text, mean

    def bound(self, values: Values) -> str:
        return f"{bound_text(self.bounds, values)} %"

    def _closed(self, gap: Gap, values: Values) -> float | None:
        sign = -1 if self.lower_is_better else 1
        reference, method = (
            sign * statistics.fmean(values[m]) for m in (gap.reference, gap.method)
        )
        baseline = max(sign * statistics.fmean(values[m]) for m in gap.baselines)
        width = reference - baseline
        return 100 * (method - baseline) / width if width > self.beyond else None


@dataclass(frozen=True)
class AverageDifference(Leaf):
    """a - b of the means, on average over several pairs: a score over several sets."""

    pairs: tuple[tuple[str, str], ...]
    bounds: Bounds

    def subjects(self) -> list[str]:
        return [a for a, _ in self.pairs]

    def metrics(self) -> list[str]:
        return unique(metric for pair in self.pairs for metric in pair)

    def judge(self, values: Values) -> tuple[str, str, float | None]:
        differences = [
            statistics.fmean(values[a]) - statistics.fmean(values[b]) for a, b in self.pairs
        ]
        mean = statistics.fmean(differences)
        each = ", ".join(figure(d) for d in differences)
        text = f"{figure(mean)} over {len(differences)} pairs ({each})"
        return (HOLDS if meets(mean, self.bounds, values) else FAILS), text, mean

    def bound(self, values: Values) -> str:
        return bound_text(self.bounds, values)


@dataclass(frozen=True)
class SeedDifferences(Leaf):
    """a - b seed by seed, within bounds in so many seeds."""

    a: str
    b: str
    bounds: Bounds
    least: int

    pairs_seeds = True

    def subjects(self) -> list[str]:
        return [self.a, self.b]

    def metrics(self) -> list[str]:
        return [self.a, self.b]

    def judge(self, values: Values) -> tuple[str, str, float | None]:
        differences = [x - y for x, y in zip(values[self.a], values[self.b], strict=True)]
        met = sum(meets(d, self.bounds, values) for d in differences)
        each = ", ".join(figure(d) for d in differences)
        text = f"{met} of {len(differences)} seeds ({each})"
        return (HOLDS if met >= self.least else FAILS), text, float(met)

    def bound(self, values: Values) -> str:
        return f"{bound_text(self.bounds, values)} in at least {self.least} seeds"


@dataclass(frozen=True)
class MedianDifference(Leaf):
    """median(a) - median(b) over seeds, which need not be the same: for heavy-tailed errors."""

    a: str
    b: str
    bounds: Bounds

    def subjects(self) -> list[str]:
        return [self.a, self.b]

    def metrics(self) -> list[str]:
        return [self.a, self.b]

    def judge(self, values: Values) -> tuple[str, str, float | None]:
        medians = [statistics.median(values[m]) for m in (self.a, self.b)]
        difference = medians[0] - medians[1]
        text = f"{' - '.join(map(figure, medians))} = {figure(difference)}"
        return (HOLDS if meets(difference, self.bounds, values) else FAILS), text, difference

    def bound(self, values: Values) -> str:
        return bound_text(self.bounds, values)
