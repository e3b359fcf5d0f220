"""Relations of one metric, of two, and of pairs; see ``relation_syntax``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from common.ledger import between, gaps, relations
from common.ledger.node import Metric, Node, Operand, Table, combinations, expanded
from common.ledger.relation_form import Bounded, Bounds, Form, Pair, Sides
from common.ledger.relations import Relation


class Comparison(Form, Bounded):
    """A statistic over seeds against bounds, which may be other metrics."""

    metric: Metric
    at_least: Operand | None = None
    at_most: Operand | None = None
    above: Operand | None = None
    below: Operand | None = None
    statistic: Literal["mean", "median", "largest", "smallest"] = "mean"
    in_seeds: PositiveInt | None = None

    @model_validator(mode="after")
    def _one_statistic(self) -> Comparison:
        if self.in_seeds is not None and self.statistic != "mean":
            raise ValueError("in_seeds compares each seed and takes no statistic")
        return self

    def _title(self) -> str:
        return relations.label(self.metric)

    def _build(self) -> Relation:
        name = self.name or self._title()
        if self.in_seeds is not None:
            return relations.InSeeds(name, self.metric, self.pairs(), self.in_seeds)
        return relations.Comparison(name, self.metric, self.pairs(), self.statistic)


class MeanInterval(Form, Sides):
    """The 95 % interval of a mean."""

    interval_of: Metric
    lies_above: Operand | None = None
    lies_below: Operand | None = None

    @model_validator(mode="after")
    def _one_side(self) -> MeanInterval:
        if self.side() is None:
            raise ValueError("interval_of needs one of lies_above, lies_below, lies_within")
        return self

    def _title(self) -> str:
        return relations.label(self.interval_of)

    def _build(self) -> Relation:
        low, high = self.side()
        return relations.MeanInterval(self.name or self._title(), self.interval_of, low, high)


class Difference(Form, Bounds, Sides):
    """Of two means: its interval, or the difference itself."""

    difference: Pair
    paired: bool = False
    standard_errors: float | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Difference:
        if self.standard_errors == 0:
            raise ValueError("standard_errors is 0, which asks for nothing; leave it out")
        plain = bool(self.pairs()) or self.standard_errors is not None
        if plain == (self.side() is not None):
            raise ValueError(
                "difference needs either one of lies_above, lies_below, lies_within or bounds "
                "(at_least, ..., standard_errors), not both"
            )
        return self

    def _title(self) -> str:
        a, b = (relations.label(m) for m in self.difference)
        return f"{a} - {b}"

    def _build(self) -> Relation:
        a, b = self.difference
        name = self.name or self._title()
        if (side := self.side()) is not None:
            return between.DifferenceInterval(name, a, b, *side, paired=self.paired)
        errors = self.standard_errors or 0.0
        return between.MeanDifference(name, a, b, self.pairs(), errors, paired=self.paired)


class Ratio(Form, Bounded):
    """Of two means."""

    ratio: Pair

    def _title(self) -> str:
        a, b = (relations.label(m) for m in self.ratio)
        return f"{a} / {b}"

    def _build(self) -> Relation:
        return between.Ratio(self.name or self._title(), *self.ratio, self.pairs())


class SeedDifferences(Form, Bounded):
    """Of two metrics, seed by seed."""

    seeds_of: Pair
    in_seeds: PositiveInt

    def _title(self) -> str:
        a, b = (relations.label(m) for m in self.seeds_of)
        return f"{a} - {b}"

    def _build(self) -> Relation:
        a, b = self.seeds_of
        return gaps.SeedDifferences(self.name or self._title(), a, b, self.pairs(), self.in_seeds)


class MedianDifference(Form, Bounded):
    """Of two medians."""

    medians_of: Pair

    def _title(self) -> str:
        a, b = (relations.label(m) for m in self.medians_of)
        return f"{a} - {b}, medians"

    def _build(self) -> Relation:
        a, b = self.medians_of
        return gaps.MedianDifference(self.name or self._title(), a, b, self.pairs())


class AverageDifference(Form, Bounded):
    """Of two variants, over several sets."""

    average_of: Annotated[list[Pair], Field(min_length=2)]

    def _title(self) -> str:
        return "average difference"

    def _build(self) -> Relation:
        pairs = tuple((a, b) for a, b in self.average_of)
        return gaps.AverageDifference(self.name or self._title(), pairs, self.pairs())


class GapCell(Node):
    """A method between its baselines and a reference, for every combination of ``for_each``."""

    reference: Metric
    method: Metric
    baselines: Annotated[list[Metric], Field(min_length=1)]
    for_each: Table | None = None

    def gaps(self) -> list[gaps.Gap]:
        """One for each combination."""
        found = []
        for values in combinations(self.for_each or {}):
            reference, method, *baselines = expanded(
                [self.reference, self.method, *self.baselines], values
            )
            found.append(gaps.Gap(reference, method, tuple(baselines)))
        return found


class GapsClosed(Form, Bounded):
    """Per cent of the gaps between baselines and references."""

    gaps_closed: Annotated[list[GapCell], Field(min_length=1)]
    better: Literal["higher", "lower"]
    beyond: Annotated[float, Field(ge=0)] = 0.0

    def _build(self) -> Relation:
        cells = tuple(gap for cell in self.gaps_closed for gap in cell.gaps())
        name = self.name or "gap closed"
        return gaps.GapsClosed(name, cells, self.better == "lower", self.beyond, self.pairs())


class Equality(Form):
    """A mean against a closed form."""

    equals: Annotated[list[Operand], Field(min_length=2, max_length=2)]
    relative: PositiveFloat | None = None
    absolute: PositiveFloat | None = None

    @model_validator(mode="after")
    def _tolerance(self) -> Equality:
        if not isinstance(self.equals[0], str):
            raise ValueError("equals takes a metric first, then a number or a metric")
        if self.relative is None and self.absolute is None:
            raise ValueError("equals needs relative or absolute, the tolerance")
        return self

    def _title(self) -> str:
        return relations.label(str(self.equals[0]))

    def _build(self) -> Relation:
        metric, target = self.equals
        name = self.name or self._title()
        return between.Equality(name, metric, target, self.relative or 0.0, self.absolute or 0.0)
