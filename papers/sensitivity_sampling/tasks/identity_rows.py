"""C9, C10, C19: rows that stacked identities need, from the binomial law; S = d at every p."""

from __future__ import annotations

import numpy as np

from common.experiment.context import RunContext, TaskResult
from common.recovery.rates import line
from papers.sensitivity_sampling.row_counts import least_rows_identity
from papers.sensitivity_sampling.tasks.row_counts import bounds


def run(context: RunContext) -> TaskResult:
    """``slope`` of log(m / ln 2d) over log d, ``slope_plain`` of log m, and by d ``rows_d*``, m;
    by p ``agrees_d*_p*`` and ``sharper_d*_p*`` as in ``row_counts``."""
    task = context.config.task
    dims = np.array(task.dims)
    rows = np.array([least_rows_identity(task.rows // d, d, task.bound) for d in task.dims])
    metrics = {f"rows_d{d}": float(m) for d, m in zip(task.dims, rows, strict=True)}
    metrics["slope"] = line(np.log(dims), np.log(rows / np.log(2 * dims))).slope
    metrics["slope_plain"] = line(np.log(dims), np.log(rows)).slope
    for p in task.powers:
        for d in task.dims:
            metrics |= {f"{k}_p{p:g}": v for k, v in bounds(float(d), d, p).items()}
    return TaskResult(metrics)
