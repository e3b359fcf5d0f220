"""``results/runs/<paper>.json``: what was measured, and all that says whether it still counts.

One line a run, so that a difference in git is a difference in what was measured. Each run carries
the SHA-256 of what stands in its line, taken when its record was collected: a figure changed by
hand no longer fits it. Verdicts are reached from this file; ``<paper>.csv`` and ``<paper>.json``
are made from it; the digest of the verdicts is kept here, so that one changed there is found.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from common.errors import UserError

SCHEMA = 1
# At scale smoke every path runs and nothing is proven; its figures would only be noise in git.
SCALES = ("laptop", "paper")
Key = tuple[str, str, str, int]


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
        code: module -> digest of its source, for the modules the run went through.
        data: key of each data set -> SHA-256 of its content.
        curves: name -> a value each epoch.
        started: time of the start, UTC.
        seconds: wall time of the run.
        threads: CPU threads it had.
        hardware: the GPU, or the processor.
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
    code: dict[str, str] = field(default_factory=dict)
    data: dict[str, str] = field(default_factory=dict)
    curves: dict[str, list[float]] = field(default_factory=dict)
    started: str = ""
    seconds: float = 0.0
    threads: int = 0
    hardware: str = ""

    @property
    def key(self) -> Key:
        """What names the run; of several, one counts."""
        return self.task, self.variant, self.scale, self.seed

    @cached_property
    def sha256(self) -> str:
        """Over all fields."""
        return digest(self.content())

    def content(self) -> dict[str, Any]:
        """The fields by name, not copied."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


@dataclass(frozen=True)
class Stored:
    """The content of a file of runs.

    Attributes:
        rows: the runs that are what was collected.
        altered: key of each run that is not -> a sentence.
        verdicts: digest of the verdicts that were reached from them; empty if none were.
    """

    rows: tuple[RunRow, ...] = ()
    altered: dict[Key, str] = field(default_factory=dict)
    verdicts: str = ""


def to_json(rows: Iterable[RunRow], verdicts: str = "") -> str:
    """The file's text: first the source digests, each set of them once, then a line a run."""
    codes: dict[str, dict[str, str]] = {}
    lines = []
    for row in sorted(rows, key=lambda r: r.key):
        content = row.content() | {"sha256": row.sha256}
        content["code"] = _name(row.code)
        codes[content["code"]] = row.code
        lines.append(_compact(content))
    listed = [f"{json.dumps(name)}: {_compact(code)}" for name, code in sorted(codes.items())]
    return (
        f'{{\n"schema": {SCHEMA},\n"verdicts": {json.dumps(verdicts)},\n"code": {{\n'
        + ",\n".join(listed)
        + '\n},\n"runs": [\n'
        + ",\n".join(lines)
        + "\n]\n}\n"
    )


def read_runs(path: Path) -> Stored:
    """The runs in a file; none if there is no file.

    Raises:
        UserError: the file is not what ``to_json`` writes.
    """
    try:
        return from_json(path.read_text(), str(path))
    except FileNotFoundError:
        return Stored()


def from_json(text: str, where: str) -> Stored:
    """The runs in the text of a file; see :func:`read_runs`."""
    remedy = "Restore it from git, or remove it and collect again."
    try:
        content = json.loads(text, parse_constant=_no_number)
        if content["schema"] != SCHEMA:
            raise UserError(
                f"{where} has schema {content['schema']!r}; this code reads {SCHEMA}. {remedy}"
            )
        rows, altered, verdicts = [], {}, str(content.get("verdicts", ""))
        for line in content["runs"]:
            promised = line.pop("sha256")
            row = RunRow(**line | {"code": content["code"][line["code"]]})
            if row.sha256 == promised:
                rows.append(row)
            else:
                name = " ".join(map(str, row.key))
                altered[row.key] = f"{where}: {name} is not what was recorded"
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{where} cannot be read ({error}). {remedy}") from error
    return Stored(tuple(rows), altered, verdicts)


def to_csv(rows: Iterable[RunRow]) -> str:
    """Every figure, a line for each run and metric, for spreadsheets and ``git diff``."""
    import csv
    import io

    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("task", "variant", "scale", "seed", "paper_data", "metric", "value"))
    for row in sorted(rows, key=lambda r: r.key):
        for metric, value in sorted(row.metrics.items()):
            writer.writerow((*row.key, row.paper_data, metric, repr(float(value))))
    return buffer.getvalue()


def digest(content: Any) -> str:
    """SHA-256 of plain data."""
    return hashlib.sha256(_compact(content).encode()).hexdigest()


def _name(code: dict[str, str]) -> str:
    return digest(code)[:12]


def _compact(content: Any) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _no_number(constant: str) -> float:
    raise ValueError(f"{constant} is not a finite number")
