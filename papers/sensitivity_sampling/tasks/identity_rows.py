"""C9, C10, C19: rows that stacked identities need, from the binomial law, and their S."""

from __future__ import annotations

import numpy as np
import torch

from common.experiment.context import RunContext, TaskResult
from common.recovery.rates import line
from papers.sensitivity_sampling.families import stacked_identity
from papers.sensitivity_sampling.row_counts import least_rows_identity
from papers.sensitivity_sampling.sensitivities import sensitivities
from papers.sensitivity_sampling.tasks.row_counts import bounds


def run(context: RunContext) -> TaskResult:
    """``slope`` of log(m / ln 2d) over log d, ``slope_plain`` of log m, and by d ``rows_d*``, m;
    by p ``total_d*_p*``, S, measured, and ``agrees_d*_p*`` and ``sharper_d*_p*`` of it as in
    ``row_counts``."""
    task = context.config.task
    dims = np.array(task.dims)
    rows = np.array([least_rows_identity(task.rows // d, d, task.bound) for d in task.dims])
    metrics = {f"rows_d{d}": float(m) for d, m in zip(task.dims, rows, strict=True)}
    metrics["slope"] = line(np.log(dims), np.log(rows / np.log(2 * dims))).slope
    metrics["slope_plain"] = line(np.log(dims), np.log(rows)).slope
    for p in task.powers:
        for d in task.dims:
            copies = task.rows // d
            # Copies of a row have the same sensitivity: one of each is solved for.
            distinct = torch.arange(d)
            total = copies * sensitivities(stacked_identity(task.rows, d), p, distinct).total[1]
            metrics[f"total_d{d}_p{p:g}"] = total
            metrics |= {f"{k}_p{p:g}": v for k, v in bounds(total, d, p).items()}
            context.stop.raise_if_set()
    return TaskResult(metrics)
