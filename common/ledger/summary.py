"""Means over seeds, as ``dvc metrics diff`` shows them, and curves, as ``dvc plots`` draws them."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Iterable
from typing import Any

from common.ledger.intervals import deviation
from common.ledger.runs import RunRow
from common.ledger.versions import by_variant

DIGITS = 6
CURVES = ("val_score", "train_loss")


def summary(rows: Iterable[RunRow]) -> dict[str, Any]:
    """``content[task][scale][variant][metric]`` -> mean, std (from two seeds on) and n, over the
    seeds that ran one version of the code.

    Finite numbers rounded to six digits, no lists and no times: ``dvc metrics diff`` shows the
    rest badly or not at all.
    """
    values: dict[tuple[str, str, str, str], list[float]] = {}
    for (task, variant, scale), of_variant in by_variant(rows).items():
        for row in of_variant:
            for metric, value in row.metrics.items():
                if not is_time(metric):
                    values.setdefault((task, scale, variant, metric), []).append(value)
    content: dict[str, Any] = {}
    for (task, scale, variant, metric), measured in values.items():
        entry: dict[str, float] = {"mean": rounded(statistics.fmean(measured)), "n": len(measured)}
        if len(measured) > 1:
            entry["std"] = rounded(deviation(measured))
        place = content.setdefault(task, {}).setdefault(scale, {}).setdefault(variant, {})
        place[metric] = entry
    return content


def curves_csv(rows: Iterable[RunRow], scale: str = "laptop") -> str:
    """Mean over seeds of what was followed through the epochs of training: a line for each task,
    variant and epoch. Curves of other names stay in the records."""
    groups = {
        (task, variant): with_curves
        for (task, variant, of), of_variant in by_variant(rows).items()
        if of == scale
        and (with_curves := [row for row in of_variant if not row.curves.keys().isdisjoint(CURVES)])
    }
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("task", "variant", "epoch", *CURVES))
    for (task, variant), of_group in sorted(groups.items()):
        epochs = max(len(row.curves.get(name, ())) for row in of_group for name in CURVES)
        for epoch in range(epochs):
            writer.writerow(
                (task, variant, epoch + 1, *(_mean(of_group, name, epoch) for name in CURVES))
            )
    return buffer.getvalue()


def is_time(metric: str) -> bool:
    """Whether a metric is a duration, which no two runs share."""
    return "seconds" in metric


def rounded(value: float) -> float:
    """Six significant digits."""
    return float(f"{value:.{DIGITS}g}")


def _mean(rows: Iterable[RunRow], name: str, epoch: int) -> float | str:
    values = [c[epoch] for row in rows if epoch < len(c := row.curves.get(name, []))]
    return rounded(statistics.fmean(values)) if values else ""
