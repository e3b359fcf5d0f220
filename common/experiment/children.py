"""Runs in processes of their own, which can be asked to stop in order."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

PATIENCE_SECONDS = 60  # for a run to write its record and checkpoint after it was told to stop


class Children:
    """The processes that are running; safe to share between threads."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def run(self, arguments: Sequence[str], threads: int, log: Path) -> int:
        """Run a command to its end; what it says is added to ``log``.

        Returns its exit status: minus the signal's number if a signal ended it.
        """
        with log.open("ab") as out:
            process = self._start(arguments, threads, out)
            if process is None:
                return -signal.SIGTERM
            try:
                return process.wait()
            finally:
                with self._lock:
                    self._running.discard(process)

    def _start(
        self, arguments: Sequence[str], threads: int, out: IO[bytes]
    ) -> subprocess.Popen | None:
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
        with self._lock:
            if self._stopped:
                return None
            process = subprocess.Popen(
                arguments,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=environment,
                # Ctrl-C must reach a run once, through stop(): a second signal would cut its step.
                process_group=0,
            )
            self._running.add(process)
        return process

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


def last_lines(log: Path, count: int) -> str:
    """The end of what a process said; empty if it said nothing."""
    try:
        with log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 200 * count))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-count:])


@contextmanager
def signals_interrupt() -> Iterator[None]:
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
