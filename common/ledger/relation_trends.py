"""Relations of lists of metrics: orders, slopes, correlations; see ``relation_syntax``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, model_validator

from common.ledger import between, trends
from common.ledger.node import Metric
from common.ledger.relation_form import Bounded, Bounds, Form, Metrics, Pair, Settings, Sides
from common.ledger.relations import Relation


class Order(Form):
    """Means that fall from each metric to the next."""

    order: Metrics
    margin: float = 0.0

    def _build(self) -> Relation:
        return trends.Order(self.name or "order", tuple(self.order), self.margin)


class Monotone(Form):
    """Means that rise, or fall, along a list."""

    monotone: Metrics
    direction: Literal["rising", "falling"]
    slack: Annotated[float, Field(ge=0)] = 0.0
    inversions: Annotated[int, Field(ge=0)] = 0

    def _build(self) -> Relation:
        name = self.name or self.direction
        rising = self.direction == "rising"
        return trends.Monotone(name, tuple(self.monotone), rising, self.slack, self.inversions)


class Slope(Form, Bounds, Sides):
    """Of a log-log fit."""

    slope_of: Annotated[dict[PositiveFloat, Metric], Field(min_length=2)]

    @model_validator(mode="after")
    def _one_way(self) -> Slope:
        if bool(self.pairs()) == (self.side() is not None):
            raise ValueError(
                "slope_of needs either bounds (at_least, at_most, above, below, within) or one of "
                "lies_above, lies_below, lies_within"
            )
        if self.side() is not None and len(self.slope_of) < 3:
            raise ValueError("an interval of a slope needs three settings or more")
        return self

    def _build(self) -> Relation:
        points = tuple(sorted(self.slope_of.items()))
        return trends.Slope(self.name or "log-log slope", points, self.pairs(), self.side())


class RankCorrelation(Form, Bounded):
    """Spearman's, between two lists of means."""

    rank_correlation: Annotated[list[Pair], Field(min_length=3)]

    def _build(self) -> Relation:
        points = tuple((a, b) for a, b in self.rank_correlation)
        return trends.RankCorrelation(self.name or "rank correlation", points, self.pairs())


class Spread(Form):
    """Largest minus smallest mean."""

    spread_of: Metrics
    at_most: float

    def _build(self) -> Relation:
        return between.Spread(self.name or "spread", tuple(self.spread_of), self.at_most)


class BestOf(Form):
    """The setting with the largest mean."""

    best_of: Settings
    is_at_least: float

    @model_validator(mode="after")
    def _both_sides(self) -> BestOf:
        settings = sorted(self.best_of)
        if not settings[0] < self.is_at_least <= settings[-1]:
            raise ValueError(
                f"best_of needs settings below and from is_at_least={self.is_at_least:g} on; "
                f"given: {', '.join(f'{s:g}' for s in settings)}"
            )
        return self

    def _build(self) -> Relation:
        candidates = tuple(sorted(self.best_of.items()))
        return between.BestOf(self.name or "best setting", candidates, self.is_at_least)
