"""Learning curves: for each task a panel of validation scores and one of training losses."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from pathlib import Path

from common.errors import UserError
from common.ledger.relations import figure
from common.ledger.report.chart import Line, chart
from common.ledger.report.markup import Markup, element

_PANELS = {"val_score": "validation score", "train_loss": "training loss"}
_Points = list[tuple[int, float]]
_Curves = dict[str, dict[str, dict[str, _Points]]]  # task -> column -> variant


def learning_curves(path: Path) -> list[Markup]:
    """A figure for each task of ``results/curves/<paper>.csv``; none if there is no such file.

    Raises:
        UserError: the file is not what ``python -m common.ledger check`` writes.
    """
    if not path.is_file():
        return []
    try:
        with path.open(newline="") as file:
            tasks = _read(csv.DictReader(file))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{path} cannot be read ({error!r}); `python -m common.ledger check` writes it anew."
        ) from error
    names = {name for columns in tasks.values() for lines in columns.values() for name in lines}
    styles = {name: number for number, name in enumerate(sorted(names))}
    return [_figure(task, columns, styles) for task, columns in tasks.items() if columns]


def _read(rows: Iterable[Mapping[str, str]]) -> _Curves:
    tasks: _Curves = {}
    for row in rows:
        for column in _PANELS:
            value = float(row[column] or math.nan)
            if math.isfinite(value):
                lines = tasks.setdefault(row["task"], {}).setdefault(column, {})
                lines.setdefault(row["variant"], []).append((int(row["epoch"]), value))
    return tasks


def _figure(task: str, columns: Mapping[str, dict], styles: Mapping[str, int]) -> Markup:
    panels = []
    for column, title in _PANELS.items():
        if column in columns:
            lines = [
                Line(variant, styles[variant], tuple(sorted(points)))
                for variant, points in columns[column].items()
            ]
            panels.append(chart(_described(task, title, lines), title, lines))
    return element(
        "figure",
        element("figcaption", task),
        element("div", panels, class_="panels"),
        class_="curves",
    )


def _described(task: str, title: str, lines: Iterable[Line]) -> str:
    ends = ", ".join(
        f"{line.name} from {figure(line.points[0][1])} to {figure(line.points[-1][1])}"
        for line in lines
    )
    return f"{task}, {title} by epoch: {ends}"
