"""Score against size: methods of several papers on the same models, a point each budget.

``comparisons/<name>.yaml`` with a key ``models`` in place of ``tasks``:

    title: Accuracy against size
    text: what is equal, what differs
    scale: laptop
    seeds: [0, 1, 2]
    models:
      trade_off/resnet20: {label: ResNet-20, score: accuracy in per cent}
    rows:
      - {label: TRP, paper: trp, model: trade_off/resnet20, budget_of: macs, budgets: [0.7, 0.5]}
      - {label: int8, paper: trp, model: trade_off/resnet20, method: int8}

A run records ``score``, ``score_dense``, ``score_untrained`` where there is one, and of
``parameters``, ``macs`` and ``bytes`` the part of the dense model's in per cent.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, model_validator

from common.ledger import intervals
from common.ledger.claims import RunSpec, Scale
from common.ledger.freshness import Present
from common.ledger.node import Node, Text
from common.ledger.plan import composer, planned
from common.ledger.planned_run import PlannedRun
from common.ledger.runs import RunRow
from common.ledger.tables import markdown

MARK = "†"
UNITS = {"parameters": "parameters", "macs": "multiply-adds", "bytes": "bytes"}
DRAWN = ("macs", "bytes")
_TICKS = (10, 15, 20, 30, 50, 70, 100)


class Model(Node):
    """A checkpoint: how it is called, what its score is, whether it is drawn as a logarithm."""

    label: Text
    score: Text
    log: bool = False


class Row(Node):
    """A method of one paper, or a control that the paper's code runs, on one model."""

    label: Text
    paper: Text
    model: Text
    method: Text = "own"
    budget_of: Literal["parameters", "macs", "bytes"] = "macs"
    budgets: Annotated[tuple[PositiveFloat | None, ...], Field(min_length=1, strict=False)] = (
        None,
    )


class TradeOff(Node):
    """Figures and tables that are to be filled; ``models`` maps a task to its model."""

    title: Text
    text: Text
    scale: Scale
    seeds: Annotated[tuple[NonNegativeInt, ...], Field(min_length=1, strict=False)]
    models: Annotated[dict[str, Model], Field(min_length=1)]
    rows: Annotated[tuple[Row, ...], Field(min_length=1, strict=False)]

    @model_validator(mode="after")
    def _known_models(self) -> TradeOff:
        for row in self.rows:
            if row.model not in self.models:
                raise ValueError(f"row {row.label}: model={row.model!r} is none of the models")
        return self

    @property
    def papers(self) -> list[str]:
        """Ids of the papers whose code runs."""
        return list(dict.fromkeys(row.paper for row in self.rows))


Cell = tuple[Row, float | None]


def runs(spec: TradeOff, where: str) -> dict[Cell, tuple[PlannedRun, ...]]:
    """The runs behind each point, composed as ``run.py`` would compose them now.

    Raises:
        UserError: one does not compose.
    """
    with composer() as compose:
        return {
            (row, budget): planned(
                compose,
                row.paper,
                spec.scale,
                RunSpec(
                    task=row.model,
                    overrides=(
                        f"task.method={row.method}",
                        f"task.budget_of={row.budget_of}",
                        f"task.budget={'null' if budget is None else f'{budget:g}'}",
                    ),
                    seeds=spec.seeds,
                ),
                f"{where}, row {row.label}",
            )
            for row in spec.rows
            for budget in row.budgets
        }


@dataclass(frozen=True)
class Point:
    """What was measured of one method at one budget; ``rows`` has a run each seed."""

    row: Row
    budget: float | None
    rows: tuple[RunRow, ...]

    def mean(self, metric: str) -> float | None:
        """Over the seeds that have it."""
        return mean_of(self.rows, metric)

    def values(self, metric: str) -> list[float]:
        """One a seed."""
        return values_of(self.rows, metric)


def values_of(rows: Sequence[RunRow], metric: str) -> list[float]:
    """Of the runs that have it."""
    return [row.metrics[metric] for row in rows if metric in row.metrics]


def mean_of(rows: Sequence[RunRow], metric: str) -> float | None:
    """Of the runs that have it, None where none has."""
    values = values_of(rows, metric)
    return statistics.fmean(values) if values else None


def points(
    spec: TradeOff,
    cells: Mapping[Cell, tuple[PlannedRun, ...]],
    rows: Mapping[str, Sequence[RunRow]],
) -> list[Point]:
    """Every point, measured or not, in the order of the rows."""
    known = {(paper, row.config_hash): row for paper, found in rows.items() for row in found}
    return [
        Point(row, budget, tuple(known[k] for k in _keys(row, planned_runs) if k in known))
        for (row, budget), planned_runs in cells.items()
    ]


def page(spec: TradeOff, found: Sequence[Point], name: str, present: Present) -> str:
    """Tables as Markdown, one a model, with its figure."""
    parts = [f"# {spec.title}", spec.text]
    for task, model in spec.models.items():
        here = [point for point in found if point.row.model == task]
        head = ("method", "budget", model.score, "before training", *UNITS.values())
        lines = [_line(point, len(spec.seeds), present) for point in here]
        dense = next((p.mean("score_dense") for p in here if p.rows), None)
        parts += [
            f"## {model.label}",
            f"![{model.label}](../figures/{name}/{figure_name(task)}.svg)",
            markdown(head, [("*dense*", "", _number(dense), "", "100", "100", "100"), *lines]),
        ]
    seeds = ", ".join(map(str, spec.seeds))
    caption = (
        f"Mean ± half of the 95 % interval over seeds {seeds}, scale {spec.scale}; sizes in per "
        f"cent of the dense model's. `python -m common.ledger compare {name}`"
    )
    if any(MARK in part for part in parts):
        caption += f" {MARK} measured before a change of code or data; `--run` measures it again."
    return "\n\n".join((*parts, caption))


def figure_name(task: str) -> str:
    """Of the files of a model's figure."""
    return task.rpartition("/")[2]


def draw(spec: TradeOff, found: Sequence[Point], folder: Path) -> None:
    """Score over multiply-adds and over bytes, a figure each model that was measured.

    Raises:
        UserError: the extra `plot` is not installed.
    """
    from common.figures import pyplot, save

    plt = pyplot()
    for task, model in spec.models.items():
        here = [point for point in found if point.row.model == task and point.rows]
        if not here:
            continue
        figure, axes = plt.subplots(1, len(DRAWN), figsize=(11, 4.4), sharey=True)
        labels = list(dict.fromkeys(point.row.label for point in here))
        for axis, unit in zip(axes, DRAWN, strict=True):
            for number, label in enumerate(labels):
                own = [point for point in here if point.row.label == label]
                own.sort(key=lambda point: point.mean(f"{unit}_part"))
                axis.errorbar(
                    [point.mean(f"{unit}_part") for point in own],
                    [point.mean("score") for point in own],
                    [half_width(point.values("score")) for point in own],
                    label=label,
                    color=f"C{number % 10}",
                    marker="os^vDPX*<>"[(number + number // 10) % 10],
                    ls="-" if own[0].row.method == "own" else ":",
                    lw=1.2,
                    ms=4,
                    capsize=2,
                )
            axis.axhline(here[0].mean("score_dense"), color="#888888", lw=0.8, ls="--")
            axis.set(xscale="log", xlabel=f"{UNITS[unit]}, per cent of the dense model")
            axis.set_xticks(_TICKS, labels=map(str, _TICKS))
            axis.minorticks_off()
        axes[0].set_ylabel(model.score)
        axes[0].set_yscale("log" if model.log else "linear")
        axes[-1].legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
        figure.suptitle(model.label)
        save(figure, folder, figure_name(task), dpi=110)


def _keys(row: Row, planned_runs: Sequence[PlannedRun]) -> list[tuple[str, str]]:
    return [(row.paper, run.config_hash) for run in planned_runs]


def _line(point: Point, seeds: int, present: Present) -> tuple[str, ...]:
    budget = "" if point.budget is None else f"{point.budget:g} of {UNITS[point.row.budget_of]}"
    if not point.rows:
        return (point.row.label, budget, "not run", "", "", "", "")
    score = _number(point.mean("score"))
    width = half_width(point.values("score"))
    score += f" ± {width:.2f}" if width else ""
    score += f" ({len(point.rows)} of {seeds})" if len(point.rows) < seeds else ""
    score += f" {MARK}" if any(present.changes(row, None) for row in point.rows) else ""
    sizes = (f"{point.mean(f'{unit}_part'):.1f}" for unit in UNITS)
    return (point.row.label, budget, score, _number(point.mean("score_untrained")), *sizes)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def half_width(values: Sequence[float]) -> float:
    """0 where a single seed has none."""
    width = intervals.of_mean(values).half_width
    return width if math.isfinite(width) else 0.0
