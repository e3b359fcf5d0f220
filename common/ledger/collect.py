"""From run folders to rows: what lies under the output folder, and which of it counts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.atomic import replacing
from common.errors import UserError
from common.experiment import record as records
from common.experiment.record import Record
from common.ledger.freshness import Present
from common.ledger.record_files import Stamp, stamped
from common.ledger.runs import Key, RunRow

# At scale smoke every path runs and nothing is proven; its figures would only be noise in git.
EVIDENCE_SCALES = ("laptop", "paper")

# Overrides with which a run is still the recipe's: they choose it, or say where and how it runs.
_CHOOSING = ("paper", "task", "model", "scale", "seed", "trainer", "trainer.devices")

INDEX = ".ledger"
_VERSION = 1


@dataclass(frozen=True)
class Attempt:
    """One record.

    Attributes:
        folder: of the run.
        status: how it ended.
        reason: for every status but ``completed``.
        recipe: no override changed what the recipe says.
        row: what the results keep of it.
    """

    folder: str
    status: str
    reason: str
    recipe: bool
    row: RunRow

    @property
    def config_hash(self) -> str:
        """Of its configuration."""
        return self.row.config_hash


@dataclass
class Found:
    """What lies under the output folder for one paper.

    Attributes:
        completed: completed runs, oldest first.
        unfinished: config hash -> the newest attempt that was not completed.
        unreadable: a sentence for each record that could not be read.
    """

    completed: list[Attempt] = field(default_factory=list)
    unfinished: dict[str, Attempt] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)


def find(outputs: Path, paper: str) -> Found:
    """Every record of a paper; one that cannot be read is named, not fatal.

    Records are read once: what was read is kept in ``<outputs>/.ledger/<paper>.json`` under the
    size and time of each file, and only new or changed ones are opened again.
    """
    kept = _Index(outputs / INDEX / f"{paper}.json")
    found, attempts = Found(), []
    for folder, stamp in stamped(str(outputs / paper)):
        entry = kept.entry(folder, stamp)
        if isinstance(entry, str):
            found.unreadable.append(entry)
        elif entry is not None:
            attempts.append(entry)
    kept.save()
    for attempt in sorted(attempts, key=lambda a: (a.row.started, a.folder)):
        if attempt.status == records.COMPLETED:
            found.completed.append(attempt)
            found.unfinished.pop(attempt.config_hash, None)
        else:
            found.unfinished[attempt.config_hash] = attempt
    return found


def merge(
    stored: Iterable[RunRow],
    completed: Iterable[Attempt],
    expected: dict[Key, str],
    present: Present,
) -> list[RunRow]:
    """The rows that count: of each key one, from what is stored and what was run.

    A row that a claim reads is taken from a run with the configuration the claim calls for. Other
    runs count only if they followed the recipe: a trial with a changed learning rate stays out. Of
    several, one that ran the present code on the present data goes before one that did not,
    whatever its date; so runs of another branch take no place here. Then the newest.

    Args:
        stored: rows of the results file.
        completed: what was run.
        expected: row -> configuration hash that the claims call for.
        present: the code and data of this checkout.
    """
    candidates: dict[Key, list[RunRow]] = {}
    for row in stored:
        candidates.setdefault(row.key, []).append(row)
    for attempt in completed:
        row = attempt.row
        if row.scale not in EVIDENCE_SCALES:
            continue
        if attempt.recipe or row.config_hash == expected.get(row.key):
            candidates.setdefault(row.key, []).append(row)

    def rank(row: RunRow) -> tuple[bool, bool, str]:
        called_for = row.config_hash == expected.get(row.key, row.config_hash)
        return called_for, not present.changes(row, None), row.started

    return [
        rows[0] if len(rows) == 1 else max(rows, key=rank) for _, rows in sorted(candidates.items())
    ]


def to_row(run: Record) -> RunRow:
    """The part of a record that the results keep."""
    dirty = run.provenance.get("dirty")
    gpus = run.provenance.get("gpu") or []
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
        code=dict(run.code),
        data={d["key"]: d["content_sha256"] for d in run.data if "key" in d},
        curves=dict(run.curves),
        started=run.started,
        seconds=round(run.wall_seconds, 1),
        threads=int(run.provenance.get("threads") or 0),
        hardware=", ".join(gpus) or str(run.provenance.get("cpu") or ""),
    )


class _Index:
    """What was read before, kept between calls."""

    def __init__(self, path: Path):
        self._path = path
        self._prefix = len(str(path.parent.parent)) + 1  # of the output folder
        self._old: dict[str, Any] = {}
        self._codes: dict[str, dict[str, str]] = {}
        self._new: dict[str, Any] = {}
        try:
            content = json.loads(path.read_text())
            if content["version"] == [_VERSION, records.SCHEMA]:
                self._old, self._codes = content["records"], content["code"]
        except (OSError, ValueError, KeyError, TypeError):
            pass  # none yet, or not whole: everything is read again

    def entry(self, folder: str, stamp: Stamp) -> Attempt | str | None:
        """The attempt in a run's folder, a sentence if unreadable, None for a composite."""
        name = folder[self._prefix :]
        try:
            kept = self._old.get(name)
            if kept is None or kept["stamp"] != stamp:
                kept = {"stamp": stamp} | self._read(Path(folder))
        except (OSError, UserError) as error:
            return f"left out: {error}"
        except (KeyError, TypeError) as error:
            return f"left out: {folder}/{records.NAME} lacks {error}"
        self._new[name] = kept
        if "row" not in kept:
            return None
        row = RunRow(**kept["row"] | {"code": self._codes[kept["row"]["code"]]})
        return Attempt(folder, kept["status"], kept["reason"], kept["recipe"], row)

    def _read(self, folder: Path) -> dict[str, Any]:
        run = Record.read(folder)
        if "members" in run.facts or "members" in run.config:
            return {}
        row = to_row(run).content()
        name = next((n for n, c in self._codes.items() if c == row["code"]), str(len(self._codes)))
        self._codes[name] = row["code"]
        return {
            "status": run.status,
            "reason": run.reason or "",
            "recipe": _follows_recipe(run),
            "row": row | {"code": name},
        }

    def save(self) -> None:
        """Keep what was read, if anything was; a folder that takes no file only costs time."""
        if self._new == self._old:
            return
        content = {"version": [_VERSION, records.SCHEMA], "code": self._codes, "records": self._new}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(self._path, "w") as file:
                json.dump(content, file, separators=(",", ":"))
        except OSError:
            pass


def _follows_recipe(run: Record) -> bool:
    from common.experiment.schema import VOLATILE

    keys = [o.partition("=")[0].lstrip("+~") for o in run.overrides]
    return all(
        k in _CHOOSING or any(k == v or k.startswith(f"{v}.") for v in VOLATILE) for k in keys
    )


def _yes(value: bool) -> str:
    return "yes" if value else "no"
