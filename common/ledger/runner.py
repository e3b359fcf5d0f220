"""Run what the claims lack, each run a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from common.errors import UserError
from common.experiment import record as records
from common.experiment.record import Record
from common.ledger.collect import Found
from common.ledger.freshness import Present
from common.ledger.plan import PlannedRun
from common.ledger.runs import RunRow

COMMAND = (sys.executable, "-m", "common.experiment")
LAST_LINES = 15
PATIENCE_SECONDS = 60  # for a run to write its record and checkpoint after it was told to stop


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
    resumable = attempt is not None and attempt.status == records.INTERRUPTED
    if resumable and not present.changes(attempt.row, None):
        arguments.append(f"resume={attempt.folder}")
    return arguments


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
    children = _Children()
    begin = time.perf_counter()

    def one(run: PlannedRun) -> Ended:
        start = time.perf_counter()
        status, said = children.run(command(run, found, threads, outputs, present), threads)
        return Ended(run, status, said, time.perf_counter() - start)

    with _signals_interrupt(), ThreadPoolExecutor(max_workers=jobs) as pool:
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


class _Children:
    """The processes that are running."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def run(self, arguments: list[str], threads: int) -> tuple[int, str]:
        """Exit status and last lines of a command."""
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
        with self._lock:
            if self._stopped:
                return -signal.SIGTERM, "not started"
            process = subprocess.Popen(
                arguments,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env=environment,
                # Ctrl-C must reach a run once, through stop(): a second signal would cut its step.
                process_group=0,
            )
            self._running.add(process)
        try:
            out, _ = process.communicate()
        finally:
            with self._lock:
                self._running.discard(process)
        return process.returncode, "\n".join(out.splitlines()[-LAST_LINES:])

    def stop(self) -> None:
        """Ask every process to end and give it time to record that."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for process in running:
            process.terminate()
        deadline = time.monotonic() + PATIENCE_SECONDS
        for process in running:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def _signals_interrupt() -> Iterator[None]:
    """A scheduler's SIGTERM and a closed terminal do what Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {s: signal.signal(s, interrupt) for s in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


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
