"""What the terminal shows when runs have ended."""

from __future__ import annotations

import os
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from common.experiment import record as records
from common.experiment.lifecycle import Outcome

_COLOUR = {records.COMPLETED: "green", records.NOT_RUN: "yellow"}


def show(console: Console, outcomes: list[Outcome], title: str) -> None:
    """The table: task, metric, here, published, chance, paper's data or not, time, place.

    Where the terminal is too narrow for it, the places are listed below the table.
    """
    table = _table(outcomes, title, places=True)
    unlimited = console.options.update(max_width=1000)
    wide = console.measure(table, options=unlimited).maximum <= console.width
    console.print(table if wide else _table(outcomes, title, places=False))
    for outcome in outcomes:
        run = outcome.record
        if not wide:
            _line(console, f"{run.task}: recorded in {_relative(outcome.folder)}")
        for note in ([run.reason] if run.reason else []) + run.notes:
            _line(console, f"{run.task}: {note}")


def _table(outcomes: list[Outcome], title: str, places: bool) -> Table:
    table = Table(
        title=title,
        title_justify="left",
        header_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    for column in ("task", "metric"):
        table.add_column(column, overflow="fold")
    for column in ("here", "published", "chance"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("paper's data", no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    if places:
        table.add_column("recorded in", no_wrap=True)
    for outcome in outcomes:
        run = outcome.record
        cells = [
            run.task,
            run.metric,
            _here(outcome),
            _number(run.published),
            _number(run.chance),
            _data(outcome),
            _duration(run.wall_seconds),
        ]
        table.add_row(*cells, *([_relative(outcome.folder)] if places else []))
    return table


def _line(console: Console, text: str) -> None:
    console.print(f"  {text}", highlight=False, markup=False, style="dim", soft_wrap=True)


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
