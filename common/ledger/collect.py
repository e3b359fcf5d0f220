"""From run folders to rows: what lies under the output folder, and which of it counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from common.experiment import record as records
from common.ledger.freshness import Present
from common.ledger.record_files import stamped
from common.ledger.record_index import Attempt, RecordIndex
from common.ledger.runs import SCALES, Key, RunRow


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
    kept = RecordIndex(outputs, paper)
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
        if row.scale not in SCALES:
            continue
        if attempt.recipe or row.config_hash == expected.get(row.key):
            candidates.setdefault(row.key, []).append(row)

    def rank(row: RunRow) -> tuple[bool, bool, str]:
        called_for = row.config_hash == expected.get(row.key, row.config_hash)
        return called_for, not present.changes(row, None), row.started

    return [
        rows[0] if len(rows) == 1 else max(rows, key=rank) for _, rows in sorted(candidates.items())
    ]
