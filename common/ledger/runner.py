"""Run what the claims lack, each run a process of its own."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from common.errors import UserError
from common.experiment import locks
from common.experiment import record as records
from common.experiment.children import Children, last_lines, signals_interrupt
from common.experiment.record import Record
from common.ledger.collect import Found
from common.ledger.freshness import Present
from common.ledger.planned_run import PlannedRun
from common.ledger.record_index import Attempt
from common.ledger.runs import RunRow

COMMAND = (sys.executable, "-m", "common.experiment")
LAST_LINES = 15


@dataclass(frozen=True)
class Ended:
    """A run that was started here: its exit status and the end of what it said."""

    run: PlannedRun
    status: int
    said: str
    seconds: float


def missing(
    runs: Iterable[PlannedRun], rows: Iterable[RunRow], found: Found, present: Present
) -> list[PlannedRun]:
    """The runs of which no completed record of the present code and data is at hand."""
    known = [*rows, *(attempt.row for attempt in found.completed)]
    done = {row.config_hash for row in known if not present.changes(row, None)}
    return [run for run in runs if run.config_hash not in done]


def stale(runs: Iterable[PlannedRun], rows: Iterable[RunRow], present: Present) -> list[PlannedRun]:
    """The runs that were measured, but not with the present code, configuration and data."""
    table = {row.key: row for row in rows}
    return [
        run for run in runs if run.key in table and present.changes(table[run.key], run.config_hash)
    ]


def command(
    run: PlannedRun, found: Found, threads: int, outputs: Path, present: Present
) -> list[str]:
    """The command line of a run; one that was interrupted goes on where it stopped.

    One that was interrupted under other code starts anew: half of each is neither.
    """
    arguments = [*COMMAND, *run.arguments, f"trainer.threads={threads}", f"output_root={outputs}"]
    attempt = found.unfinished.get(run.config_hash)
    if attempt is not None and _cut_short(attempt) and not present.changes(attempt.row, None):
        arguments.append(f"resume={attempt.folder}")
    return arguments


def _cut_short(attempt: Attempt) -> bool:
    """Whether a run was told to stop, or died without a word."""
    if attempt.status == records.RUNNING:
        return not locks.is_held(Path(attempt.folder) / locks.NAME)
    return attempt.status == records.INTERRUPTED


def run_all(
    runs: Sequence[PlannedRun],
    found: Found,
    *,
    jobs: int,
    threads: int,
    outputs: Path,
    console: Console,
    present: Present,
) -> list[Ended]:
    """Run them, ``jobs`` at a time, going on after a failure.

    Raises:
        KeyboardInterrupt: on Ctrl-C, SIGTERM or SIGHUP, once the runs have recorded how far they
            came; the next call resumes them.
    """
    ended: list[Ended] = []
    children = Children()
    begin = time.perf_counter()

    def one(run: PlannedRun) -> Ended:
        start = time.perf_counter()
        log = Path(logs) / f"{id(run)}.log"
        status = children.run(command(run, found, threads, outputs, present), threads, log)
        return Ended(run, status, last_lines(log, LAST_LINES), time.perf_counter() - start)

    with (
        tempfile.TemporaryDirectory() as logs,
        signals_interrupt(),
        ThreadPoolExecutor(max_workers=jobs) as pool,
    ):
        futures = [pool.submit(one, run) for run in runs]
        try:
            for future in as_completed(futures):
                ended.append(future.result())
                _say(console, ended, len(runs), time.perf_counter() - begin)
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            children.stop()
            raise
    return ended


def run_apart(run: PlannedRun, threads: int, console: Console) -> Record:
    """Run once, where no ledger looks, and return the record: for times and trials.

    Raises:
        UserError: the run did not complete.
    """
    with tempfile.TemporaryDirectory() as folder:
        (ended,) = run_all(
            [run],
            Found(),
            jobs=1,
            threads=threads,
            outputs=Path(folder),
            console=console,
            present=Present(),
        )
        if ended.status != 0:
            raise UserError(f"{run.task} {run.variant} did not complete: {ended.said}")
        (record,) = (Record.read(path.parent) for path in Path(folder).rglob(records.NAME))
    return record


def _say(console: Console, ended: list[Ended], total: int, elapsed: float) -> None:
    last = ended[-1]
    run = last.run
    word = "ok" if last.status == 0 else f"exit status {last.status}"
    rest = elapsed / len(ended) * (total - len(ended)) / 60
    console.print(
        f"[{len(ended)}/{total}] {run.task} {run.variant} seed {run.seed}: {word}, "
        f"{last.seconds:.0f} s; about {rest:.0f} min to go",
        markup=False,
        highlight=False,
    )
    if last.status != 0:
        console.print(last.said, markup=False, highlight=False, style="red")
