"""Bring a paper's results up to date: collect, judge, write."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from common.atomic import write_text
from common.ledger.collect import find, merge
from common.ledger.evaluate import Result, evaluate
from common.ledger.folders import Folders
from common.ledger.freshness import Present
from common.ledger.kept_plans import KeptPlan
from common.ledger.plan import Plan, plan
from common.ledger.record_index import Attempt
from common.ledger.runs import Key, RunRow, Stored, digest, read_runs, to_csv, to_json
from common.ledger.summary import curves_csv, summary


@dataclass(frozen=True)
class PaperLedger:
    """All that is known of a paper.

    Attributes:
        plan: its claims and their runs.
        rows: what was measured.
        results: scale -> the outcome of each claim tested there.
        warnings: records that could not be read.
        compared: the modules whose source was held against that of a run.
        altered: a sentence for each figure or file of the results that is not what was recorded.
        unwritten: why the results could not be written; empty if they could.
    """

    plan: Plan
    rows: tuple[RunRow, ...]
    results: dict[str, list[Result]]
    warnings: tuple[str, ...]
    compared: frozenset[str] = frozenset()
    altered: tuple[str, ...] = ()
    unwritten: str = ""


@cache
def present(pins: Path) -> Present:
    """The code and data of this checkout, looked at once in a process."""
    from common.data.pins import pins as read_pins

    return Present(data=read_pins(pins) if pins.is_file() else {})


def look(paper: str, folders: Folders, planned: Plan | None = None) -> PaperLedger:
    """What is known of a paper; writes nothing in the results.

    A fresh clone has no run folders: its verdicts come from the runs in git.

    Args:
        planned: the paper's plan, where the caller has composed it already.
    """
    with _locked(folders.results, writing=False):
        return _look(paper, folders, planned, read_runs(folders.runs(paper)))


def update(
    paper: str,
    folders: Folders,
    planned: Plan | None = None,
    also: Mapping[Key, str] | None = None,
) -> PaperLedger:
    """The same, and merge new runs into the results and write what is made of them.

    Figures that were changed by hand are named in ``altered``. What is made from the runs is made
    anew; a run that is not what was recorded is replaced by its record where there is one, else the
    file stays as it is, and the run does not count.

    Args:
        planned: the paper's plan, where the caller has composed it already.
        also: rows, and the hash of their configuration, that a comparison calls for.
    """
    with _locked(folders.results, writing=True):
        stored = read_runs(folders.runs(paper))
        ledger = _look(paper, folders, planned, stored, also)
        lost = stored.altered.keys() - {row.key for row in ledger.rows}
        if lost:
            reason = (
                f"{folders.runs(paper)} is left as it is: it would lose {len(lost)} runs that were "
                "changed by hand and have no record. Restore it from git, or remove their lines."
            )
            return replace(ledger, unwritten=reason)
        _write(paper, folders, ledger)
    return ledger


def _look(
    paper: str,
    folders: Folders,
    planned: Plan | None,
    stored: Stored,
    also: Mapping[Key, str] | None = None,
) -> PaperLedger:
    planned = planned or plan(paper, folders.claims(paper), KeptPlan.of(paper, folders))
    now = present(folders.pins)
    found = find(folders.outputs, paper)
    stored = _confirmed(stored, found.completed, folders.runs(paper))
    rows = merge(stored.rows, found.completed, {**(also or {}), **planned.expected}, now)
    scales = dict.fromkeys(scale for _, scale in planned.runs)
    results = {s: evaluate(planned, rows, s, found.unfinished, now) for s in scales}
    altered = (*stored.altered.values(), *_not_as_made(paper, folders, stored))
    # Thousands of runs share a few sets of digests.
    codes = {id(row.code): row.code for row in (*stored.rows, *(a.row for a in found.completed))}
    compared = frozenset(module for code in codes.values() for module in code)
    return PaperLedger(planned, tuple(rows), results, tuple(found.unreadable), compared, altered)


def _confirmed(stored: Stored, completed: Iterable[Attempt], path: Path) -> Stored:
    """Without the runs that say other than the record they were made from, where it is at hand."""
    records = {(a.row.key, a.config_hash, a.row.started): a.row.sha256 for a in completed}
    rows, altered = [], dict(stored.altered)
    for row in stored.rows:
        if records.get((row.key, row.config_hash, row.started), row.sha256) == row.sha256:
            rows.append(row)
        else:
            altered[row.key] = f"{path}: {' '.join(map(str, row.key))} is not what its record says"
    return replace(stored, rows=tuple(rows), altered=altered)


def _write(paper: str, folders: Folders, ledger: PaperLedger) -> None:
    verdicts = {
        scale: {result.claim.id: result.verdict for result in of_scale}
        for scale, of_scale in ledger.results.items()
    }
    if ledger.rows:
        write_text(folders.runs(paper), to_json(ledger.rows, digest(verdicts)))
        write_text(folders.figures(paper), to_csv(ledger.rows))
        write_text(folders.curves(paper), curves_csv(ledger.rows))
    content = summary(ledger.rows) | {"verdicts": verdicts}
    KeptPlan.of(paper, folders).commit()
    text = json.dumps(content, indent=1, sort_keys=True, allow_nan=False)
    write_text(folders.summary(paper), f"{text}\n")


def _not_as_made(paper: str, folders: Folders, stored: Stored) -> Iterator[str]:
    """A sentence for each file that is not what the stored runs give, with the first difference."""
    means, rows = folders.summary(paper), stored.rows
    for path, make in ((folders.figures(paper), to_csv), (folders.curves(paper), curves_csv)):
        if rows and path.is_file():
            lines, there = make(rows).splitlines(), path.read_text().splitlines()
            if lines != there:
                yield f"{path}: {_first_difference(lines, there)}"
    if rows and means.is_file():
        try:
            content = json.loads(means.read_text())
            verdicts = content.pop("verdicts", None)
        except (ValueError, AttributeError):
            content, verdicts = {}, None
        if stored.verdicts and digest(verdicts) != stored.verdicts:
            yield f"{means}: its verdicts are not those that were reached"
        wanted, found = dict(_leaves(summary(rows))), dict(_leaves(content))
        changed = [n for n in sorted({*wanted, *found}) if wanted.get(n) != found.get(n)]
        if changed:
            name = changed[0]
            yield f"{means}: {name} is {found.get(name)}, its runs give {wanted.get(name)}"


def _first_difference(wanted: list[str], there: list[str]) -> str:
    for number, (a, b) in enumerate(zip(wanted, there, strict=False), start=1):
        if a != b:
            return f"line {number} is {b!r}, its run gives {a!r}"
    return f"has {len(there)} lines, its runs give {len(wanted)}"


def _leaves(content: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(content, dict):
        for key, value in content.items():
            yield from _leaves(value, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, content


@contextmanager
def _locked(results: Path, *, writing: bool) -> Iterator[None]:
    """One writer at a time, and no reader between its files; nobody waits for a dead process."""
    path = results / ".lock"
    if not writing and not path.is_file():
        yield  # nobody has written here, or it is a place where one only reads
        return
    results.mkdir(parents=True, exist_ok=True)
    with path.open("a" if writing else "r") as file:
        fcntl.flock(file, fcntl.LOCK_EX if writing else fcntl.LOCK_SH)
        yield
