"""``results/<paper>.csv``: every measured figure, a line for each run and metric.

Values are written in full precision: verdicts are reached from this file, and rounding could turn
one. Lines are sorted, so that a difference in git is a difference in what was measured.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from common.errors import UserError
from common.ledger.plan import Key

COLUMNS = (
    "task",
    "variant",
    "scale",
    "seed",
    "config_hash",
    "commit",
    "dirty",
    "paper_data",
    "published",
    "chance",
    "headline",
    "metric",
    "value",
)


@dataclass(frozen=True)
class RunRow:
    """One completed run.

    Attributes:
        commit: of the code, empty if unknown.
        dirty: the code differed from that commit (``yes``, ``no`` or empty).
        paper_data: the data are the paper's own (``yes``, ``no`` or empty if there are none).
        published: the paper's figure for ``headline``.
        chance: the figure of a uniform guess.
        headline: the metric that stands for the run in a table.
        metrics: name -> value.
    """

    task: str
    variant: str
    scale: str
    seed: int
    config_hash: str
    commit: str = ""
    dirty: str = ""
    paper_data: str = ""
    published: float | None = None
    chance: float | None = None
    headline: str = "accuracy"
    metrics: dict[str, float] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        """What names the run; a newer one takes its place."""
        return self.task, self.variant, self.scale, self.seed


def to_csv(rows: Iterable[RunRow]) -> str:
    """The file's text."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in sorted(rows, key=lambda r: r.key):
        facts = (
            *row.key,
            row.config_hash,
            row.commit,
            row.dirty,
            row.paper_data,
            "" if row.published is None else repr(float(row.published)),
            "" if row.chance is None else repr(float(row.chance)),
            row.headline,
        )
        for metric, value in sorted(row.metrics.items()):
            writer.writerow((*facts, metric, repr(float(value))))
    return buffer.getvalue()


def read_csv(path: Path) -> list[RunRow]:
    """The runs in a file; none if there is no file.

    Raises:
        UserError: the file is not what ``to_csv`` writes.
    """
    if not path.is_file():
        return []
    found: dict[Key, RunRow] = {}
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise UserError(
                f"{path} has other columns than this code writes ({', '.join(COLUMNS)}). "
                "Restore it from git, or remove it and collect again."
            )
        for number, line in enumerate(reader, start=2):
            try:
                row = _row(line)
                found.setdefault(row.key, row).metrics[line["metric"]] = float(line["value"])
            except (TypeError, ValueError) as error:
                raise UserError(f"{path}, line {number} cannot be read: {error}") from error
    return list(found.values())


def _row(line: dict[str, str]) -> RunRow:
    def number(text: str) -> float | None:
        return float(text) if text else None

    return RunRow(
        task=line["task"],
        variant=line["variant"],
        scale=line["scale"],
        seed=int(line["seed"]),
        config_hash=line["config_hash"],
        commit=line["commit"],
        dirty=line["dirty"],
        paper_data=line["paper_data"],
        published=number(line["published"]),
        chance=number(line["chance"]),
        headline=line["headline"],
    )
