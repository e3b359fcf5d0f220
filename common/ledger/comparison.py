"""One table of rows from several papers: the same tasks, equal budgets, a row each model.

``comparisons/<name>.yaml``:

    title: State-space layers at equal budgets
    text: what is equal, what differs
    scale: laptop
    seeds: [0, 1, 2]
    tasks: {lra/listops: ListOps}              task -> head of its column
    size_of: lra/image                         the task whose parameters and step times are shown
    rows: [{label: S4D-Inv, paper: s4d, model: s4d_inv}]

Figures come from ``results/<paper>.csv``, as for claims. Step times are measured apart, one model
after the other (``--time``): a time taken while another run is under way says nothing.
"""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field, NonNegativeInt, ValidationError, model_validator

from common.errors import UserError
from common.ledger.claims import RunSpec, Scale
from common.ledger.freshness import Present
from common.ledger.intervals import deviation
from common.ledger.node import Node, Text
from common.ledger.plan import composer, planned
from common.ledger.planned_run import PlannedRun
from common.ledger.relations import figure
from common.ledger.runs import RunRow
from common.ledger.scatter import Scatter
from common.ledger.tables import markdown
from common.ledger.trade_off import MARK, TradeOff
from common.ledger.yaml_source import load, sentences


class Row(Node):
    """One model of one paper."""

    label: Text
    paper: Text
    model: Text


class Comparison(Node):
    """A table that is to be filled; ``tasks`` maps a task to the head of its column."""

    title: Text
    text: Text
    scale: Scale
    seeds: Annotated[tuple[NonNegativeInt, ...], Field(min_length=1, strict=False)]
    tasks: Annotated[dict[str, Text], Field(min_length=1)]
    size_of: Text
    rows: Annotated[tuple[Row, ...], Field(min_length=1, strict=False)]

    @model_validator(mode="after")
    def _known_task(self) -> Comparison:
        if self.size_of not in self.tasks:
            raise ValueError(f"size_of={self.size_of!r} is none of the tasks")
        return self

    @property
    def papers(self) -> list[str]:
        """Ids of the papers that rows come from."""
        return list(dict.fromkeys(row.paper for row in self.rows))


def read(path: Path) -> Comparison | TradeOff | Scatter:
    """The comparison in a file: of models at equal budgets, of scores against sizes, or of scores
    against what methods cost.

    Raises:
        UserError: naming file and line of every mistake, and what is allowed.
    """
    source = load(path)
    keys = source.content if isinstance(source.content, dict) else {}
    kind = TradeOff if "models" in keys else Scatter if "costs" in keys else Comparison
    try:
        return kind.model_validate(source.content)
    except ValidationError as error:
        raise UserError(
            "\n".join(f"{path}:{source.line(at)}: {said}." for at, said in sentences(error))
        ) from error


def runs(comparison: Comparison, where: str) -> dict[tuple[Row, str], tuple[PlannedRun, ...]]:
    """The runs behind each cell, composed as ``run.py`` would compose them now.

    Raises:
        UserError: one does not compose.
    """
    with composer() as compose:
        return {
            (row, task): planned(
                compose,
                row.paper,
                comparison.scale,
                RunSpec(task=task, overrides=(f"model={row.model}",), seeds=comparison.seeds),
                f"{where}, row {row.label}",
            )
            for row in comparison.rows
            for task in comparison.tasks
        }


def page(
    comparison: Comparison,
    cells: dict[tuple[Row, str], tuple[PlannedRun, ...]],
    rows: dict[str, Sequence[RunRow]],
    times: dict[str, float],
    name: str,
    present: Present,
) -> str:
    """The comparison as Markdown: mean and standard deviation over seeds.

    Args:
        rows: of each paper.
        times: label -> milliseconds of a training step.
        present: code and data of this checkout; a figure of others is marked.
    """
    known = {(p, row.config_hash): row for p, of_paper in rows.items() for row in of_paper}

    def measured(row: Row, task: str) -> list[RunRow]:
        hashes = [run.config_hash for run in cells[row, task]]
        return [known[row.paper, h] for h in hashes if (row.paper, h) in known]

    head = ("layer", *comparison.tasks.values(), "average", "parameters", "ms a step")
    lines = []
    for row in comparison.rows:
        found = {task: measured(row, task) for task in comparison.tasks}
        means = [_mean(of_task) for of_task in found.values()]
        size = found[comparison.size_of]
        lines.append(
            (
                row.label,
                *(_cell(of_task, len(comparison.seeds), present) for of_task in found.values()),
                figure(statistics.fmean(means)) if None not in means else "-",
                f"{size[0].metrics['parameters']:,.0f}" if size else "-",
                figure(times[row.label]) if row.label in times else "-",
            )
        )
    lines.append(("*majority*", *_baselines(comparison, cells, known), "", "", ""))
    where = comparison.tasks[comparison.size_of]
    seeds = ", ".join(map(str, comparison.seeds))
    caption = (
        f"Test accuracy in per cent at the best validation epoch, scale {comparison.scale}, mean ± "
        f"standard deviation over seeds {seeds}. Parameters and step times: {where}; one thread, "
        f"one model at a time. `python -m common.ledger compare {name}`"
    )
    if any(MARK in cell for line in lines for cell in line):
        caption += f" {MARK} measured before a change of code or data; `--run` measures it again."
    return "\n\n".join((f"# {comparison.title}", comparison.text, markdown(head, lines), caption))


def times_csv(times: dict[str, float]) -> str:
    """Label and milliseconds, a line each."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("label", "milliseconds_per_step"))
    writer.writerows((label, f"{value:.4g}") for label, value in times.items())
    return buffer.getvalue()


def read_times(path: Path) -> dict[str, float]:
    """What ``times_csv`` wrote; nothing if there is no file."""
    if not path.is_file():
        return {}
    with path.open(newline="") as file:
        return {
            line["label"]: float(line["milliseconds_per_step"]) for line in csv.DictReader(file)
        }


def _mean(rows: Sequence[RunRow]) -> float | None:
    values = [row.metrics[row.headline] for row in rows if row.headline in row.metrics]
    return statistics.fmean(values) if values else None


def _cell(rows: Sequence[RunRow], seeds: int, present: Present) -> str:
    values = [row.metrics[row.headline] for row in rows if row.headline in row.metrics]
    if not values:
        return "not run"
    text = f"{statistics.fmean(values):.1f}"
    if len(values) > 1:
        text += f" ± {deviation(values):.1f}"
    if any(present.changes(row, None) for row in rows):
        text += f" {MARK}"
    return text if len(values) == seeds else f"{text} ({len(values)} of {seeds})"


def _baselines(comparison, cells, known) -> Iterable[str]:
    for task in comparison.tasks:
        found = (
            known[row.paper, run.config_hash].metrics.get("baseline_majority")
            for row in comparison.rows
            for run in cells[row, task]
            if (row.paper, run.config_hash) in known
        )
        value = next(found, None)
        yield "-" if value is None else f"{value:.1f}"
