"""Score against what a method costs: rows of several papers on the same tasks, a point each.

``comparisons/<name>.yaml`` with a key ``costs`` in place of ``models``:

    title: Fine-tuning with few numbers
    text: what is equal, what differs
    scale: laptop
    seeds: [0, 1, 2]
    score: {metric: score, label: accuracy in per cent}
    costs: {numbers: trained numbers, step_bytes: bytes of a step}
    tasks: {sentences/gloss: WordNet's classes}
    rows: [{label: LoRA, paper: loldu, overrides: [task.method=lora, task.lr=0.001]}]

Costs are metrics of the runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, NonNegativeInt

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
    """One method at one setting."""

    label: Text
    paper: Text
    overrides: Annotated[tuple[Text, ...], Field(min_length=1, strict=False)]


class Scatter(Node):
    """Tables and figures that are to be filled."""

    title: Text
    text: Text
    scale: Scale
    seeds: Annotated[tuple[NonNegativeInt, ...], Field(min_length=1, strict=False)]
    score: Score
    costs: Annotated[dict[str, Text], Field(min_length=1)]
    tasks: Annotated[dict[str, Text], Field(min_length=1)]
    rows: Annotated[tuple[Row, ...], Field(min_length=1, strict=False)]

    @property
    def papers(self) -> list[str]:
        """Ids of the papers whose code runs."""
        return list(dict.fromkeys(row.paper for row in self.rows))


Cell = tuple[Row, str]


@dataclass(frozen=True)
class Point:
    """What was measured of one row on one task; ``rows`` has a run each seed."""

    row: Row
    task: str
    rows: tuple[RunRow, ...]


def runs(spec: Scatter, where: str) -> dict[Cell, tuple[PlannedRun, ...]]:
    """The runs behind each point, composed as ``run.py`` would compose them now.

    Raises:
        UserError: one does not compose.
    """
    with composer() as compose:
        return {
            (row, task): planned(
                compose,
                row.paper,
                spec.scale,
                RunSpec(task=task, overrides=row.overrides, seeds=spec.seeds),
                f"{where}, row {row.label}",
            )
            for task in spec.tasks
            for row in spec.rows
        }


def points(
    spec: Scatter,
    cells: Mapping[Cell, tuple[PlannedRun, ...]],
    rows: Mapping[str, Sequence[RunRow]],
) -> list[Point]:
    """Every point, measured or not, in the order of the rows."""
    known = {(paper, row.config_hash): row for paper, found in rows.items() for row in found}
    found = []
    for (row, task), planned_runs in cells.items():
        keys = [(row.paper, run.config_hash) for run in planned_runs]
        found.append(Point(row, task, tuple(known[key] for key in keys if key in known)))
    return found


def page(spec: Scatter, found: Sequence[Point], name: str, present: Present) -> str:
    """Tables as Markdown, one a task, with its figure."""
    parts = [f"# {spec.title}", spec.text]
    for task, label in spec.tasks.items():
        here = [point for point in found if point.task == task]
        head = ("method", spec.score.label, *spec.costs.values())
        lines = [_line(spec, point, present) for point in here]
        parts += [
            f"## {label}",
            f"![{label}](../figures/{name}/{figure_name(task)}.svg)",
            markdown(head, lines),
        ]
    seeds = ", ".join(map(str, spec.seeds))
    caption = (
        f"Mean ± half of the 95 % interval over seeds {seeds}, scale {spec.scale}. "
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
                    marker="os^vDPX*<>"[number // 10 * 5 + number % 5],
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
        return (point.row.label, "not run", *("" for _ in spec.costs))
    values = values_of(point.rows, spec.score.metric)
    width = half_width(values)
    score = f"{mean_of(point.rows, spec.score.metric):.2f}" + (f" ± {width:.2f}" if width else "")
    if len(point.rows) < len(spec.seeds):
        score += f" ({len(point.rows)} of {len(spec.seeds)})"
    if any(present.changes(row, None) for row in point.rows):
        score += f" {MARK}"
    costs = (f"{mean_of(point.rows, cost):,.0f}" for cost in spec.costs)
    return (point.row.label, score, *costs)
