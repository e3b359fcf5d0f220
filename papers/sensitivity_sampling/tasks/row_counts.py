"""C9, C10, C19: rows that normal matrices need, against S."""

from __future__ import annotations

import math
import statistics

import numpy as np

from common.experiment.context import RunContext, TaskResult
from common.recovery.rates import line
from papers.sensitivity_sampling import laws
from papers.sensitivity_sampling.distortion import Original
from papers.sensitivity_sampling.families import gaussian
from papers.sensitivity_sampling.models import Scores
from papers.sensitivity_sampling.row_counts import least_rows


def run(context: RunContext) -> TaskResult:
    """``slope`` of log(m / ln 2d) over log S and ``slope_plain`` of log m, m the median over the
    matrices of the least rows with a median distortion within the bound; by d ``rows_d*``, m,
    ``total_d*``, S, ``sharper_d*``, d^{1-p/2} S over S^{2/p}, and ``agrees_d*``, 1 if the paper's
    bound is below S d where it should."""
    task, seed = context.config.task, context.config.seed
    metrics: dict[str, float] = {}
    totals, rows = [], []
    for d in task.dims:
        found, sizes = [], []
        for number in range(task.matrices):
            rng = np.random.default_rng([seed, number, d])
            matrix = gaussian(task.rows, d, rng)
            scores = Scores.of(matrix, task.p).by("sensitivity")
            original = Original.of(matrix, task.p)
            start = round(task.start * d)
            found.append(least_rows(original, scores, start, task.bound, task.coins, rng))
            sizes.append(float(scores.sum()))
            context.stop.raise_if_set()
        rows.append(statistics.median(found))
        totals.append(statistics.median(sizes))
        metrics |= {f"rows_d{d}": rows[-1], f"total_d{d}": totals[-1]}
        metrics |= bounds(totals[-1], d, task.p)
    logs = [math.log(m / math.log(2 * d)) for m, d in zip(rows, task.dims, strict=True)]
    metrics["slope"] = line(np.log(totals), logs).slope
    metrics["slope_plain"] = line(np.log(totals), np.log(rows)).slope
    return TaskResult(metrics)


def bounds(total: float, d: int, p: float) -> dict[str, float]:
    """Whether the paper's bound is below that of coresets in general, and the older below it: of a
    measured S; the comparison itself is arithmetic."""
    pays = laws.rows_by_total(total, p) < laws.rows_generally(total, d)
    found = {f"agrees_d{d}": float(pays == (total < laws.total_that_pays(d, p)))}
    if p < 2:
        found[f"sharper_d{d}"] = laws.rows_below_two(total, d, p) / laws.rows_by_total(total, p)
    return found
