"""Every task's own figure, whether a claim reads it or not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from common.ledger.intervals import of_mean
from common.ledger.relations import figure
from common.ledger.report.markup import Markup
from common.ledger.report.table import Cell, Column, Row, table
from common.ledger.report.words import SCALES
from common.ledger.runs import RunRow
from common.ledger.versions import by_variant

_COLUMNS = (
    Column("task", "Task"),
    Column("variant", "Variant"),
    Column("scale", "Scale"),
    Column("metric", "Metric"),
    Column("mean", "Mean", numeric=True),
    Column("interval", "95 % interval", numeric=True),
    Column("n", "n", numeric=True),
    Column("published", "Published", numeric=True),
    Column("chance", "Chance", numeric=True),
    Column("baselines", "Baselines"),
    Column("data", "Paper’s data"),
)


def task_table(rows: Iterable[RunRow]) -> Markup:
    """A row for each task, variant and scale."""
    groups = sorted(by_variant(rows).values(), key=lambda runs: SCALES.index(runs[0].scale))
    lines = [Row(_cells(runs), {}) for runs in groups]
    return table("tasks", "Figures of all tasks", _COLUMNS, lines)


def _cells(runs: Sequence[RunRow]) -> list[Cell]:
    one = runs[-1]
    values = [run.metrics[run.headline] for run in runs if run.headline in run.metrics]
    interval = of_mean(values) if len(values) > 1 else None
    limits = f"{figure(interval.low)} to {figure(interval.high)}" if interval else "–"
    return [
        Cell(one.task),
        Cell(one.variant),
        Cell(one.scale, SCALES.index(one.scale)),
        Cell(one.headline.replace("_", " ")),
        _number(of_mean(values).mean if values else None, "not trained"),
        Cell(limits, interval.low if interval else None),
        Cell(len(values), len(values)),
        _number(one.published),
        _number(one.chance),
        Cell(_baselines(one) or "–"),
        Cell(one.paper_data or "–"),
    ]


def _number(value: float | None, otherwise: str = "–") -> Cell:
    return Cell(otherwise) if value is None else Cell(figure(value), value)


def _baselines(run: RunRow) -> str:
    return ", ".join(
        f"{name.removeprefix('baseline_').replace('_', ' ')} {figure(value)}"
        for name, value in sorted(run.metrics.items())
        if name.startswith("baseline_")
    )
