"""Bring a paper's results up to date: collect, judge, write."""

from __future__ import annotations

import json
from dataclasses import dataclass

from common.atomic import write_text
from common.ledger.collect import find, merge, summary
from common.ledger.evaluate import Result, evaluate
from common.ledger.folders import Folders
from common.ledger.plan import Plan, plan
from common.ledger.rows import RunRow, read_csv, to_csv


@dataclass(frozen=True)
class PaperLedger:
    """All that is known of a paper.

    Attributes:
        plan: its claims and their runs.
        rows: what was measured.
        results: scale -> the outcome of each claim tested there.
        warnings: records that could not be read.
    """

    plan: Plan
    rows: tuple[RunRow, ...]
    results: dict[str, list[Result]]
    warnings: tuple[str, ...]


def update(paper: str, folders: Folders, planned: Plan | None = None) -> PaperLedger:
    """Merge new runs into ``results/<paper>.csv`` and write means and verdicts beside it.

    A fresh clone has no run folders: its verdicts come from the rows in git.

    Args:
        planned: the paper's plan, where the caller has composed it already.
    """
    planned = planned or plan(paper, folders.claims(paper))
    found = find(folders.outputs, paper)
    rows = merge(read_csv(folders.rows(paper)), found.completed, planned.expected)
    scales = dict.fromkeys(scale for _, scale in planned.runs)
    results = {scale: evaluate(planned, rows, scale, found.unfinished) for scale in scales}
    content = summary(rows)
    content["verdicts"] = {
        scale: {result.claim.id: result.verdict for result in of_scale}
        for scale, of_scale in results.items()
    }
    if rows:
        write_text(folders.rows(paper), to_csv(rows))
    text = json.dumps(content, indent=1, sort_keys=True, allow_nan=False)
    write_text(folders.summary(paper), f"{text}\n")
    return PaperLedger(planned, tuple(rows), results, tuple(found.unreadable))
