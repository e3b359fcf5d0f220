"""Relations as written in ``claims.yaml``, typed; each form builds what ``relations`` evaluates.

    all: [<relation>, ...]                                  every one holds
    any: [<relation>, ...]                                  one of them holds
    {at_least_of: 2, of: [<relation>, ...]}                 so many of them hold
    {metric: M, at_least: 0.5, below: N}                    mean over seeds; also at_most, above,
                                                            within: [low, high]
    {metric: M, statistic: median, at_most: 3}              median, largest or smallest of the seeds
    {metric: M, at_least: 0.5, in_seeds: 4}                 seed by seed, true for so many of them
    {interval_of: M, lies_above: N}                         95 % interval of the mean; lies_below,
                                                            lies_within: [low, high]
    {difference: [M, N], lies_above: -1.0}                  Welch's 95 % interval; lies_below,
                                                            lies_within: [low, high]
    {difference: [M, N], paired: true, lies_above: 0}       interval of the differences seed by seed
    {difference: [M, N], at_least: 1, standard_errors: 2}   of the means, and larger than so many
                                                            of its standard errors
    {ratio: [M, N], at_least: 1.5}                          of the means
    {average_of: [[M, N], [O, P], ...], at_least: 0}        M - N of the means, mean of the pairs
    {seeds_of: [M, N], below: 0, in_seeds: 2}               M - N seed by seed, in so many of them
    {gaps_closed: [{reference: M, method: N, baselines: [O, ...]}, ...], better: lower,
     beyond: 1, at_least: 40}                               per cent of the gap between the best
                                                            baseline and the reference, the mean
                                                            over gaps wider than ``beyond``
    {equals: [M, N], relative: 1e-6}                        N a closed form: a number or a metric;
                                                            relative or absolute, or both
    {order: [M, N, ...], margin: 0.5}                       means fall from each to the next by more
    {monotone: [M, N, ...], direction: rising}              never back by more than ``slack``; up to
                                                            ``inversions`` exceptions
    {slope_of: {8: M, 16: N, ...}, within: [-1.1, -0.9]}    least squares of log M on log of the
                                                            setting; with a 95 % interval:
                                                            lies_above, lies_below, lies_within
    {rank_correlation: [[M, N], ...], at_least: 0.5}        Spearman's, of the means of the pairs
    {spread_of: [M, N, ...], at_most: 2.5}                  largest minus smallest mean
    {best_of: {0.001: M, 0.01: N}, is_at_least: 0.01}       which setting has the largest mean

M, N name metrics, ``<task>/<variant>/<metric>``; a bound is a number or, where N stands above, the
mean of another metric. Any relation may carry a ``name``, and ``for_each: {n: [8, 16]}`` to state
it for every combination of values, put in place of ``{n}``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    PositiveFloat,
    PositiveInt,
    Tag,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from common.errors import UserError
from common.ledger import between, gaps, relations, trends
from common.ledger.node import (
    Metric,
    Node,
    Operand,
    Range,
    Table,
    combinations,
    expanded,
    ordered,
)
from common.ledger.relations import Combination, Relation

Ordered = Annotated[Range, AfterValidator(ordered)]
Pair = Annotated[list[Metric], Field(min_length=2, max_length=2)]
Metrics = Annotated[list[Metric], Field(min_length=2)]
Settings = Annotated[dict[float, Metric], Field(min_length=2)]


class Form(Node, ABC):
    """What every relation may carry."""

    name: str = ""
    for_each: Table | None = None

    def build(self) -> Relation:
        """The relation, stated for every combination of ``for_each``."""
        if self.for_each is None:
            return self._build()
        body = self.model_dump(exclude={"name", "for_each"}, exclude_unset=True, by_alias=True)
        parts = tuple(
            ADAPTER.validate_python(expanded(body, values)).build()
            for values in combinations(self.for_each)
        )
        folded = not any(isinstance(part, Combination) for part in parts)
        return Combination(self.name or self._title(), parts, folded=folded)

    def _title(self) -> str:
        return ""

    @abstractmethod
    def _build(self) -> Relation:
        """The relation itself."""


class Bounds(Node):
    """Numbers that a value is compared with."""

    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    below: float | None = None
    within: Ordered | None = None

    def pairs(self) -> tuple[tuple[str, Any], ...]:
        """(word, bound), ``within`` as its two sides."""
        found: list[tuple[str, Any]] = []
        for word in ("at_least", "at_most", "above", "below"):
            if (bound := getattr(self, word)) is not None:
                found.append((word, bound))
        if self.within is not None:
            found += [("at_least", self.within[0]), ("at_most", self.within[1])]
        return tuple(found)


class Bounded(Bounds):
    """The same, at least one."""

    @model_validator(mode="after")
    def _bounded(self) -> Bounded:
        if not self.pairs():
            raise ValueError("one of at_least, at_most, above, below, within is needed")
        return self


class Sides(Node):
    """Where an interval is to lie."""

    lies_above: float | None = None
    lies_below: float | None = None
    lies_within: Ordered | None = None

    def side(self) -> tuple[Any, Any] | None:
        """(low, high) with None for an open end; None if no side is given."""
        given = [
            s for s in ("lies_above", "lies_below", "lies_within") if getattr(self, s) is not None
        ]
        if not given:
            return None
        if len(given) > 1:
            raise ValueError(f"{', '.join(given)} exclude each other")
        if self.lies_within is not None:
            return self.lies_within[0], self.lies_within[1]
        return self.lies_above, self.lies_below


class All(Form):
    """Every one of several relations."""

    all: Annotated[list[AnyForm], Field(min_length=1)]

    def _build(self) -> Relation:
        return Combination(self.name, tuple(p.build() for p in self.all), least=None)


class Any_(Form):
    """One of several relations."""

    any: Annotated[list[AnyForm], Field(min_length=1)]

    def _build(self) -> Relation:
        return Combination(self.name, tuple(p.build() for p in self.any), least=1)


class AtLeastOf(Form):
    """So many of several relations."""

    at_least_of: PositiveInt
    of: Annotated[list[AnyForm], Field(min_length=1)]

    @model_validator(mode="after")
    def _enough(self) -> AtLeastOf:
        if self.for_each is None and self.at_least_of > len(self.of):
            raise ValueError(f"at_least_of is {self.at_least_of}, but of has {len(self.of)}")
        return self

    def _build(self) -> Relation:
        return Combination(self.name, tuple(p.build() for p in self.of), least=self.at_least_of)


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
    standard_errors: PositiveFloat | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Difference:
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


FORMS: dict[str, type[Form]] = {
    "all": All,
    "any": Any_,
    "at_least_of": AtLeastOf,
    "metric": Comparison,
    "interval_of": MeanInterval,
    "difference": Difference,
    "ratio": Ratio,
    "average_of": AverageDifference,
    "seeds_of": SeedDifferences,
    "gaps_closed": GapsClosed,
    "equals": Equality,
    "order": Order,
    "monotone": Monotone,
    "slope_of": Slope,
    "rank_correlation": RankCorrelation,
    "spread_of": Spread,
    "best_of": BestOf,
}


def _form_of(content: Any) -> str | None:
    """Which form a mapping has: the one of ``FORMS`` that it names."""
    if isinstance(content, Form):
        return next(key for key, form in FORMS.items() if form is type(content))
    keys = [key for key in FORMS if isinstance(content, dict) and key in content]
    return keys[0] if len(keys) == 1 else None


AnyForm = Annotated[
    Annotated[All, Tag("all")]
    | Annotated[Any_, Tag("any")]
    | Annotated[AtLeastOf, Tag("at_least_of")]
    | Annotated[Comparison, Tag("metric")]
    | Annotated[MeanInterval, Tag("interval_of")]
    | Annotated[Difference, Tag("difference")]
    | Annotated[Ratio, Tag("ratio")]
    | Annotated[AverageDifference, Tag("average_of")]
    | Annotated[SeedDifferences, Tag("seeds_of")]
    | Annotated[GapsClosed, Tag("gaps_closed")]
    | Annotated[Equality, Tag("equals")]
    | Annotated[Order, Tag("order")]
    | Annotated[Monotone, Tag("monotone")]
    | Annotated[Slope, Tag("slope_of")]
    | Annotated[RankCorrelation, Tag("rank_correlation")]
    | Annotated[Spread, Tag("spread_of")]
    | Annotated[BestOf, Tag("best_of")],
    Discriminator(
        _form_of,
        custom_error_type="relation_form",
        custom_error_message="a relation names exactly one of " + ", ".join(FORMS),
    ),
]
for _combined in (All, Any_, AtLeastOf):
    _combined.model_rebuild()
ADAPTER: TypeAdapter[Form] = TypeAdapter(AnyForm)


def parse(node: Any, where: str) -> Relation:
    """The relation that ``node``, nested dictionaries and lists, describes.

    Raises:
        UserError: it is not one; says where, what was given and what is allowed.
    """
    from common.ledger.yaml_source import sentences

    try:
        return ADAPTER.validate_python(node).build()
    except ValidationError as error:
        raise UserError(f"{where}: {'; '.join(s for _, s in sentences(error))}") from error
