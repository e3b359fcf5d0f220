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
                                                            of its standard errors; with -2, no
                                                            further below 0 than two of them
    {ratio: [M, N], at_least: 1.5}                          of the means
    {average_of: [[M, N], [O, P], ...], at_least: 0}        M - N of the means, mean of the pairs
    {seeds_of: [M, N], below: 0, in_seeds: 2}               M - N seed by seed, in so many of them
    {medians_of: [M, N], above: 0}                          of the medians over seeds
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

from typing import Annotated, Any

from pydantic import (
    Discriminator,
    Field,
    PositiveInt,
    Tag,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from common.errors import UserError
from common.ledger.relation_form import Form
from common.ledger.relation_trends import BestOf, Monotone, Order, RankCorrelation, Slope, Spread
from common.ledger.relation_values import (
    AverageDifference,
    Comparison,
    Difference,
    Equality,
    GapsClosed,
    MeanInterval,
    MedianDifference,
    Ratio,
    SeedDifferences,
)
from common.ledger.relations import Combination, Relation


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
    "medians_of": MedianDifference,
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
    | Annotated[MedianDifference, Tag("medians_of")]
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
Form.adapter = TypeAdapter(AnyForm)


def parse(node: Any, where: str) -> Relation:
    """The relation that ``node``, nested dictionaries and lists, describes.

    Raises:
        UserError: it is not one; says where, what was given and what is allowed.
    """
    from common.ledger.yaml_source import sentences

    try:
        return Form.adapter.validate_python(node).build()
    except ValidationError as error:
        raise UserError(f"{where}: {'; '.join(s for _, s in sentences(error))}") from error
