"""What the terminal shows when runs have ended."""

from __future__ import annotations

import os
from pathlib import Path

from rich.console import Console
from rich.table import Table

from common.experiment import record as records
from common.experiment.lifecycle import Outcome

_COLOUR = {records.COMPLETED: "green", records.NOT_RUN: "yellow"}


def show(console: Console, outcomes: list[Outcome], title: str) -> None:
    """The table: task, metric, here, published, chance, paper's data or not, time, place."""
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in ("task", "metric"):
        table.add_column(column)
    for column in ("here", "published", "chance"):
        table.add_column(column, justify="right")
    table.add_column("paper's data")
    table.add_column("time", justify="right")
    table.add_column("recorded in", overflow="fold")
    for outcome in outcomes:
        run = outcome.record
        table.add_row(
            run.task,
            run.metric,
            _here(outcome),
            _number(run.published),
            _number(run.chance),
            _data(outcome),
            _duration(run.wall_seconds),
            _relative(outcome.folder),
        )
    console.print(table)
    for outcome in outcomes:
        run = outcome.record
        for note in ([run.reason] if run.reason else []) + run.notes:
            console.print(f"  {run.task}: {note}", highlight=False, markup=False, style="dim")


def _here(outcome: Outcome) -> str:
    run = outcome.record
    if run.status != records.COMPLETED:
        return f"[{_COLOUR.get(run.status, 'red')}]{run.status}[/]"
    if run.metric not in run.metrics:
        return "not trained"
    return _number(run.metrics[run.metric])


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if 0.01 <= abs(value) < 1e4 or value == 0 else f"{value:.3g}"


def _data(outcome: Outcome) -> str:
    data = outcome.record.data
    if not data:
        return "-"
    return "yes" if all(d["is_paper_data"] for d in data) else "no"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:04.1f}" if minutes else f"{rest:.1f} s"


def _relative(folder: Path) -> str:
    return os.path.relpath(folder)
