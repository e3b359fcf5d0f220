"""``papers/<id>/claims.yaml``: what a paper says, and what is run and compared to find out.

    claims:
      - id: P6
        kind: claim                     claim | theory | correction
        statement: S4-PTD withstands ...      in our own words
        source: abstract, Figure 3            section, table, theorem
        reported: {value: 87.61, unit: "%", of: average}   a number or a text; or a list of such
        note: why it fails, what to know
        checks:
          laptop:                       a scale
            runs:
              - {task: fourier_noise, overrides: [model=s4_ptd], seeds: [0, 1, 2]}
            relation: {metric: fourier_noise/s4_ptd/accuracy, at_least: 38}
            equal: [steps]              what the compared variants have in equal measure
            budget: the published sizes ...   and how they differ, in words
            report:                     shown, not judged: a metric, or a pair's difference
              noise at 400: fourier_noise/s4_ptd/accuracy_noise_400
              above S4D: [fourier_noise/s4_ptd/accuracy, fourier_noise/s4d/accuracy]
            cost_minutes: 12            on two CPU cores
            long: false                 more than one would wait for
            needs: GPUs                 what an ordinary machine lacks

A run may carry ``for_each: {ratio: [0.1, 0.5]}``, as a relation may (``relation_syntax``). A check
without a relation can be run, not judged: the bound is not fixed.

``kind: theory`` is what no run can measure as it stands; its measurable part is checked here, or is
a row of its own, named in ``measured_by``. ``kind: correction`` is where the paper, its code and
the measurement disagree:

        correction:
          paper: what it says
          code: what the official code does
          measurement: what is found here
          test: tests/papers/s4d/test_x.py::test_y     the test that shows it
          consequence: what follows for the reported figure

``python -m common.ledger schema`` prints all of this as JSON Schema.
"""

from __future__ import annotations

from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    NonNegativeInt,
    PositiveFloat,
    ValidationError,
    model_validator,
)

from common.errors import UserError
from common.ledger.between import MeanDifference, Ratio
from common.ledger.gaps import MedianDifference
from common.ledger.node import Metric, Node, Table, Text, combinations, expanded
from common.ledger.relation_form import Pair, Settings
from common.ledger.relation_syntax import AnyForm
from common.ledger.relations import Relation, Undecided, split, unique
from common.ledger.trends import RankCorrelation, Slope
from common.ledger.yaml_source import Source, load, sentences

CLAIM, CORRECTION, THEORY = "claim", "correction", "theory"

# What the check itself decides, or what would make a run another one than the ledger looks for.
_RESERVED = ("paper", "task", "scale", "seed", "resume", "output_root")

Scale = Literal["laptop", "paper"]  # at scale smoke nothing is proven
Equal = Literal["parameters", "steps", "seconds"]


class RunSpec(Node):
    """Runs that differ in their seed, and in what ``for_each`` puts into their overrides.

    Attributes:
        task: as on the command line.
        overrides: further arguments of ``run.py``.
        seeds: one run each.
    """

    task: Text
    overrides: tuple[str, ...] = Field(default=(), strict=False)
    seeds: Annotated[tuple[NonNegativeInt, ...], Field(min_length=1, strict=False)]
    for_each: Table | None = None

    @model_validator(mode="after")
    def _free(self) -> RunSpec:
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds are different integers from 0 on, not {list(self.seeds)}")
        for override in self.overrides:
            key, equals, _ = override.partition("=")
            if not equals or key.lstrip("+~") in _RESERVED:
                raise ValueError(
                    f"override {override!r} is not allowed here; write key=value with a key other "
                    f"than {', '.join(_RESERVED)}"
                )
        return self

    def each(self) -> list[RunSpec]:
        """One specification for every combination of ``for_each``."""
        if self.for_each is None:
            return [self]
        body = self.model_dump(exclude={"for_each"}, mode="json")
        return [RunSpec(**expanded(body, values)) for values in combinations(self.for_each)]


def _number_or_text(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | str) or value == "":
        raise ValueError(f"a number or a text is wanted, not {value!r}")
    return value


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


class Reported(Node):
    """The paper's own figure.

    Attributes:
        of: what was measured, where the statement leaves it open.
        scale: at which it was measured, in the paper's terms where it is not the published setting.
    """

    value: Annotated[float | str, BeforeValidator(_number_or_text)]
    unit: str = ""
    of: str = ""
    scale: str = "paper"

    def __str__(self) -> str:
        text = self.value if isinstance(self.value, str) else f"{self.value:g}"
        text = f"{text} {self.unit}".strip()
        return f"{text} ({self.of})" if self.of else text


class Correction(Node):
    """Where the paper, its code and the measurement disagree."""

    paper: Text
    code: Text
    measurement: Text
    test: Annotated[str, Field(pattern=r"^tests/\S+\.py::test_\w+$")]
    consequence: Text


class ShownRatio(Node):
    """Of two means, beside a claim."""

    ratio: Pair

    def build(self, name: str) -> Relation:
        """Without a bound."""
        return Ratio(name, *self.ratio, ())


class ShownCorrelation(Node):
    """Spearman's, of the means of pairs, beside a claim."""

    rank_correlation: Annotated[list[Pair], Field(min_length=3)]

    def build(self, name: str) -> Relation:
        """Without a bound."""
        return RankCorrelation(name, tuple((a, b) for a, b in self.rank_correlation), ())


class ShownMedians(Node):
    """The difference of two medians, beside a claim."""

    medians_of: Pair

    def build(self, name: str) -> Relation:
        """Without a bound."""
        return MedianDifference(name, *self.medians_of, ())


class ShownSlope(Node):
    """Log-log slope of means over a setting, beside a claim."""

    slope_of: Settings

    def build(self, name: str) -> Relation:
        """Without a bound."""
        return Slope(name, tuple(sorted(self.slope_of.items())), (), None)


Shown = ShownRatio | ShownCorrelation | ShownMedians | ShownSlope


class Check(Node):
    """How a claim is tested at one scale.

    Attributes:
        runs: what has to be run.
        relation: what must then hold.
        report: name -> metric to show beside it; or two, whose difference is, seed by seed; or
            {ratio: [M, N]}, {rank_correlation: [[M, N], ...]} or {slope_of: {8: M, ...}}, of means,
            or {medians_of: [M, N]}.
        equal: recorded quantities that all compared variants have in equal measure (to 2 %;
            seconds to 10 %); a comparison whose budgets turn out to differ is not decided.
        budget: in words, what is equal and what is not.
        cost_minutes: of the runs, on two CPU cores; None if unknown.
        long: the cost is more than one would wait for.
        needs: what an ordinary machine lacks, empty if nothing.
    """

    runs: Annotated[list[RunSpec], Field(min_length=1)]
    relation: AnyForm | None = None
    report: dict[str, Metric | Pair | Shown] = Field(default_factory=dict)
    equal: list[Equal] = Field(default_factory=list)
    budget: str = ""
    cost_minutes: PositiveFloat | None = None
    long: bool = False
    needs: str = ""

    @cached_property
    def specs(self) -> tuple[RunSpec, ...]:
        """The runs, ``for_each`` resolved."""
        return tuple(spec for runs in self.runs for spec in runs.each())

    @cached_property
    def rule(self) -> Relation:
        """The relation, to be evaluated."""
        return Undecided() if self.relation is None else self.relation.build()

    @cached_property
    def shown(self) -> dict[str, Relation]:
        """Those of the report that are of several metrics."""
        return {
            name: MeanDifference(name, *of, (), paired=True)
            if isinstance(of, list)
            else of.build(name)
            for name, of in self.report.items()
            if not isinstance(of, str)
        }

    def metrics(self) -> list[str]:
        """Every metric that is read."""
        single = [of for of in self.report.values() if isinstance(of, str)]
        several = chain.from_iterable(shown.metrics() for shown in self.shown.values())
        return unique([*self.rule.metrics(), *single, *several])

    def compares(self) -> bool:
        """Whether a part of the relation sets variants against each other."""
        return any(len({split(m)[:2] for m in leaf.metrics()}) > 1 for leaf in self.rule.leaves())

    @model_validator(mode="after")
    def _fair(self) -> Check:
        _ = self.rule, self.specs  # one that cannot be built is a mistake of this file
        if self.compares() and not self.equal and not self.budget:
            raise ValueError(
                "variants are compared; say what is equal: equal: [parameters | steps | seconds], "
                "or budget: <in words>"
            )
        return self


class Claim(Node):
    """One row of the ledger; ``checks`` by scale."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z][\w.-]*$")]
    kind: Literal["claim", "theory", "correction"]
    statement: Text
    source: Text
    reported: Annotated[
        list[Reported],
        BeforeValidator(_listed, json_schema_input_type=Reported | list[Reported]),
        Field(min_length=1),
    ]
    checks: dict[Scale, Check] = Field(default_factory=dict)
    note: str = ""
    measured_by: list[str] = Field(default_factory=list)
    correction: Correction | None = None

    @property
    def figures(self) -> str:
        """What the paper reports, as text."""
        return "; ".join(str(figure) for figure in self.reported)

    @model_validator(mode="after")
    def _whole(self) -> Claim:
        if not self.checks and not (self.kind == THEORY and self.measured_by):
            raise ValueError(
                "checks missing; only kind: theory may do without, with measured_by: [<id>, ...]"
            )
        if (self.kind == CORRECTION) != (self.correction is not None):
            raise ValueError(
                "kind: correction and the mapping correction: {paper, code, measurement, test, "
                "consequence} go together"
            )
        return self


class ClaimsFile(Node):
    """The whole file."""

    claims: Annotated[list[Claim], Field(min_length=1)]

    @model_validator(mode="after")
    def _distinct(self) -> ClaimsFile:
        ids = [claim.id for claim in self.claims]
        if repeated := sorted({i for i in ids if ids.count(i) > 1}):
            raise ValueError(f"claim ids occur twice: {', '.join(repeated)}")
        for claim in self.claims:
            if unknown := [i for i in claim.measured_by if i not in ids]:
                raise ValueError(f"claim {claim.id}: measured_by names {', '.join(unknown)}")
        return self


def read(path: Path) -> list[Claim]:
    """The claims in a file.

    Raises:
        UserError: naming file, line and claim of every mistake, and what is allowed.
    """
    return parse(load(path))


def parse(source: Source) -> list[Claim]:
    """The claims in a file that has been read; see :func:`read`."""
    try:
        return list(ClaimsFile.model_validate(source.content).claims)
    except ValidationError as error:
        lines = [_message(source, *mistake) for mistake in sentences(error)]
        raise UserError("\n".join(lines)) from error


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a claims file, for editors and other programs."""
    return ClaimsFile.model_json_schema()


def _message(source: Source, place: tuple[Any, ...], message: str) -> str:
    where = [f"{source.path}:{source.line(place)}"]
    if place[:1] == ("claims",) and len(place) > 1:
        claim = source.content["claims"][place[1]]
        where.append(f"claim {claim.get('id', place[1] + 1) if isinstance(claim, dict) else '?'}")
        where += [f"scale {place[3]}"] if place[2:3] == ("checks",) and len(place) > 3 else []
    where += [str(place[-1])] if place and not isinstance(place[-1], int) else []
    return f"{': '.join(where)}: {message}."
