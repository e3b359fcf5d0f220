"""S9: the gap figures, computed from the perplexities that the paper prints."""

from __future__ import annotations

from common.experiment.context import RunContext, TaskResult
from papers.sst.published import TABLE, table_gap


def run(context: RunContext) -> TaskResult:
    """``<model>``: per cent of the gap closed; ``<model>_stated`` what the paper says."""
    metrics = {name: table_gap(row) for name, row in TABLE.items()}
    stated = {f"{name}_stated": row.gap for name, row in TABLE.items() if row.gap is not None}
    return TaskResult(metrics | stated)
