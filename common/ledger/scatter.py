"""Score against what a method costs: rows of several papers on the same tasks, a point each.

``comparisons/<name>.yaml`` with a key ``costs`` in place of ``models``:

    title: Fine-tuning with few numbers
    text: what is equal, what differs
    scale: laptop
    seeds: [0, 1, 2]
    score: {metric: score, label: accuracy in per cent}
    costs: {numbers: trained numbers, step_bytes: bytes of a step}
    chosen_by: held_out_score
    tasks: {sentences/gloss: WordNet's classes}
    rows:
      - label: LoRA
        paper: loldu
        overrides: [task.method=lora, "task.lr={rate}"]
        rates: [0.001, 0.003, 0.01]

Costs are metrics of the runs. Of several rates the one counts whose run of the first seed has the
largest ``chosen_by``: a first `--run` makes the first seed of every rate, the same call then the
other seeds of the best.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, NonNegativeInt, PositiveFloat, model_validator

from common.ledger.claims import RunSpec, Scale
from common.ledger.freshness import Present
from common.ledger.node import Node, Text
from common.ledger.plan import composer, planned
from common.ledger.planned_run import PlannedRun
from common.ledger.runs import RunRow
from common.ledger.tables import markdown
from common.ledger.trade_off import MARK, figure_name, half_width, mean_of, values_of


class Score(Node):
    """The metric that is compared, and how it is called."""

    metric: Text
    label: Text


class Row(Node):
    """One method; ``{rate}`` in its overrides is each of its rates in turn."""

    label: Text
    paper: Text
    overrides: Annotated[tuple[Text, ...], Field(min_length=1, strict=False)]
    rates: Annotated[tuple[PositiveFloat, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _placed(self) -> Row:
        if bool(self.rates) != any("{rate}" in override for override in self.overrides):
            raise ValueError(f"row {self.label}: rates go with a {{rate}} in overrides")
        return self

    def at(self, rate: float | None) -> tuple[str, ...]:
        """Overrides at a rate; None for a row without."""
        if rate is None:
            return self.overrides
        return tuple(override.replace("{rate}", f"{rate:g}") for override in self.overrides)


class Scatter(Node):
    """Tables and figures that are to be filled."""

    title: Text
    text: Text
    scale: Scale
    seeds: Annotated[tuple[NonNegativeInt, ...], Field(min_length=1, strict=False)]
    score: Score
    costs: Annotated[dict[str, Text], Field(min_length=1)]
    chosen_by: Text
    tasks: Annotated[dict[str, Text], Field(min_length=1)]
    rows: Annotated[tuple[Row, ...], Field(min_length=1, strict=False)]

    @property
    def papers(self) -> list[str]:
        """Ids of the papers whose code runs."""
        return list(dict.fromkeys(row.paper for row in self.rows))


Cell = tuple[Row, str, float | None]
Cells = Mapping[Cell, tuple[PlannedRun, ...]]
Rows = Mapping[str, Sequence[RunRow]]


@dataclass(frozen=True)
class Point:
    """What was measured of one row on one task at its best rate; ``rows`` has a run each seed."""

    row: Row
    task: str
    rate: float | None
    rows: tuple[RunRow, ...]


def runs(spec: Scatter, where: str) -> dict[Cell, tuple[PlannedRun, ...]]:
    """The runs behind each point and rate, composed as ``run.py`` would compose them now.

    Raises:
        UserError: one does not compose.
    """
    with composer() as compose:
        return {
            (row, task, rate): planned(
                compose,
                row.paper,
                spec.scale,
                RunSpec(task=task, overrides=row.at(rate), seeds=spec.seeds),
                f"{where}, row {row.label}",
            )
            for task in spec.tasks
            for row in spec.rows
            for rate in row.rates or (None,)
        }


def wanted(spec: Scatter, cells: Cells, rows: Rows) -> list[PlannedRun]:
    """What is to be run as far as is known: the first seed of every rate, all of the best."""
    best = {(row, task): rate for row, task, rate in _best(spec, cells, rows)}
    return [
        run
        for (row, task, rate), of_cell in cells.items()
        for run in of_cell
        if run.seed == spec.seeds[0] or ((row, task) in best and best[row, task] == rate)
    ]


def points(spec: Scatter, cells: Cells, rows: Rows) -> list[Point]:
    """Every point, measured or not, in the order of the rows."""
    best = {(row, task): rate for row, task, rate in _best(spec, cells, rows)}
    found = []
    for task in spec.tasks:
        for row in spec.rows:
            rate = best.get((row, task))
            measured = _measured(row, cells[row, task, rate], rows) if (row, task) in best else ()
            found.append(Point(row, task, rate, measured))
    return found


def _best(spec: Scatter, cells: Cells, rows: Rows) -> Iterator[Cell]:
    """Of each row and task all of whose rates have a run of the first seed, the best."""
    for task in spec.tasks:
        for row in spec.rows:
            choices = {}
            for rate in row.rates or (None,):
                first = _measured(row, cells[row, task, rate][:1], rows)
                if first and spec.chosen_by in first[0].metrics:
                    choices[rate] = first[0].metrics[spec.chosen_by]
            if len(choices) == len(row.rates or (None,)):
                yield row, task, max(choices, key=choices.get)


def _measured(row: Row, planned_runs: Sequence[PlannedRun], rows: Rows) -> tuple[RunRow, ...]:
    known = {found.config_hash: found for found in rows.get(row.paper, ())}
    hashes = (run.config_hash for run in planned_runs)
    return tuple(known[one] for one in hashes if one in known)


def page(spec: Scatter, found: Sequence[Point], name: str, present: Present) -> str:
    """Tables as Markdown, one a task, with its figure."""
    parts = [f"# {spec.title}", spec.text]
    for task, label in spec.tasks.items():
        here = [point for point in found if point.task == task]
        head = ("method", "rate", spec.score.label, *spec.costs.values())
        lines = [_line(spec, point, present) for point in here]
        parts += [
            f"## {label}",
            f"![{label}](../figures/{name}/{figure_name(task)}.svg)",
            markdown(head, lines),
        ]
    seeds = ", ".join(map(str, spec.seeds))
    caption = (
        f"Mean ± half of the 95 % interval over seeds {seeds}, scale {spec.scale}; rates by "
        f"{spec.chosen_by} of seed {spec.seeds[0]}. "
        f"`python -m common.ledger compare {name}`"
    )
    if any(MARK in part for part in parts):
        caption += f" {MARK} measured before a change of code or data; `--run` measures it again."
    return "\n\n".join((*parts, caption))


def draw(spec: Scatter, found: Sequence[Point], folder: Path) -> None:
    """Score over every cost, a figure each task that was measured.

    Raises:
        UserError: the extra `plot` is not installed.
    """
    from common.figures import pyplot, save

    plt = pyplot()
    for task, label in spec.tasks.items():
        here = [point for point in found if point.task == task and point.rows]
        if not here:
            continue
        figure, grid = plt.subplots(
            1, len(spec.costs), figsize=(11, 4.4), sharey=True, squeeze=False
        )
        axes = grid[0]
        for axis, (cost, cost_label) in zip(axes, spec.costs.items(), strict=True):
            for number, point in enumerate(here):
                score = values_of(point.rows, spec.score.metric)
                axis.errorbar(
                    mean_of(point.rows, cost),
                    mean_of(point.rows, spec.score.metric),
                    half_width(score),
                    label=point.row.label,
                    color=f"C{number % 10}",
                    marker="os^vDPX*<>"[(number + number // 10) % 10],
                    ms=6,
                    capsize=2,
                )
            axis.set_xscale("symlog", linthresh=100)
            axis.set_xlabel(cost_label)
        axes[0].set_ylabel(spec.score.label)
        axes[-1].legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
        figure.suptitle(label)
        save(figure, folder, figure_name(task), dpi=110)


def _line(spec: Scatter, point: Point, present: Present) -> tuple[str, ...]:
    if not point.rows:
        return (point.row.label, "", "not run", *("" for _ in spec.costs))
    values = values_of(point.rows, spec.score.metric)
    width = half_width(values)
    score = f"{mean_of(point.rows, spec.score.metric):.2f}" + (f" ± {width:.2f}" if width else "")
    if len(point.rows) < len(spec.seeds):
        score += f" ({len(point.rows)} of {len(spec.seeds)})"
    if any(present.changes(row, None) for row in point.rows):
        score += f" {MARK}"
    costs = (f"{mean_of(point.rows, cost):,.0f}" for cost in spec.costs)
    rate = "" if point.rate is None else f"{point.rate:g}"
    return (point.row.label, rate, score, *costs)
