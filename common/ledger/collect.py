"""From run folders to rows, and from rows to means over seeds."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.errors import UserError
from common.experiment import record as records
from common.experiment.record import Record
from common.experiment.schema import VOLATILE
from common.ledger.plan import Key
from common.ledger.rows import RunRow

# At scale smoke every path runs and nothing is proven; its figures would only be noise in git.
EVIDENCE_SCALES = ("laptop", "paper")

# Overrides with which a run is still the recipe's: they choose it, or say where and how it runs.
_CHOOSING = ("paper", "task", "model", "scale", "seed", "trainer", "trainer.devices")

DIGITS = 6


@dataclass
class Found:
    """What lies under the output folder for one paper.

    Attributes:
        completed: records of completed runs, oldest first.
        unfinished: config hash -> folder and record of the newest attempt that was not completed.
        unreadable: a sentence for each record that could not be read.
    """

    completed: list[Record] = field(default_factory=list)
    unfinished: dict[str, tuple[Path, Record]] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)


def find(outputs: Path, paper: str) -> Found:
    """Read every record of a paper; a run that cannot be read is named, not fatal."""
    found = Found()
    read: list[tuple[str, Path, Record]] = []
    for path in sorted((outputs / paper).rglob(records.NAME)):
        try:
            run = Record.read(path.parent)
        except (UserError, TypeError, OSError) as error:
            found.unreadable.append(f"{path.parent} is left out: {error}")
            continue
        if "members" not in run.facts and "members" not in run.config:
            read.append((run.started, path.parent, run))
    for _, folder, run in sorted(read, key=lambda item: item[:2]):
        if run.status == records.COMPLETED:
            found.completed.append(run)
            found.unfinished.pop(run.config_hash, None)
        else:
            found.unfinished[run.config_hash] = (folder, run)
    return found


def merge(
    committed: Iterable[RunRow], completed: Iterable[Record], expected: dict[Key, str]
) -> list[RunRow]:
    """Rows already in the results, with those of completed runs put in their place.

    A row that a claim reads is taken from a run with the configuration the claim calls for. Other
    runs count only if they followed the recipe: a trial with a changed learning rate stays out.

    Args:
        committed: rows of the results file.
        completed: records, oldest first: the newest of equal ones wins.
        expected: row -> configuration hash that the claims call for.
    """
    rows = {row.key: row for row in committed}
    for run in completed:
        if run.scale not in EVIDENCE_SCALES:
            continue
        row = to_row(run)
        wanted = expected.get(row.key)
        if row.config_hash != wanted:
            held = rows.get(row.key)
            if not _follows_recipe(run) or (held is not None and held.config_hash == wanted):
                continue
        rows[row.key] = row
    return sorted(rows.values(), key=lambda r: r.key)


def to_row(run: Record) -> RunRow:
    """The part of a record that the results keep."""
    dirty = run.provenance.get("dirty")
    return RunRow(
        task=run.task,
        variant=run.variant,
        scale=run.scale,
        seed=run.seed,
        config_hash=run.config_hash,
        commit=(run.provenance.get("commit") or "")[:12],
        dirty="" if dirty is None else _yes(dirty),
        paper_data=_yes(all(d["is_paper_data"] for d in run.data)) if run.data else "",
        published=run.published,
        chance=run.chance,
        headline=run.metric,
        metrics=dict(run.metrics),
    )


def summary(rows: Iterable[RunRow]) -> dict[str, Any]:
    """``content[task][scale][variant][metric]`` -> mean, std (from two seeds on) and n.

    Finite numbers rounded to six digits, no lists and no times: ``dvc metrics diff`` shows the
    rest badly or not at all.
    """
    values: dict[tuple[str, str, str, str], list[float]] = {}
    for row in rows:
        for metric, value in row.metrics.items():
            if not is_time(metric):
                values.setdefault((row.task, row.scale, row.variant, metric), []).append(value)
    content: dict[str, Any] = {}
    for (task, scale, variant, metric), measured in values.items():
        entry: dict[str, float] = {"mean": rounded(statistics.fmean(measured)), "n": len(measured)}
        if len(measured) > 1:
            entry["std"] = rounded(statistics.stdev(measured))
        place = content.setdefault(task, {}).setdefault(scale, {}).setdefault(variant, {})
        place[metric] = entry
    return content


def is_time(metric: str) -> bool:
    """Whether a metric is a duration, which no two runs share."""
    return "seconds" in metric


def rounded(value: float) -> float:
    """Six significant digits."""
    return float(f"{value:.{DIGITS}g}")


def _follows_recipe(run: Record) -> bool:
    keys = [o.partition("=")[0].lstrip("+~") for o in run.overrides]
    return all(
        k in _CHOOSING or any(k == v or k.startswith(f"{v}.") for v in VOLATILE) for k in keys
    )


def _yes(value: bool) -> str:
    return "yes" if value else "no"
