"""Jobs on this machine: one after the other in this process, or several processes at once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from rich.console import Console

from common.experiment.children import Children, signals_interrupt
from common.experiment.interruption import RunInterrupted
from common.experiment.machine import cpus
from common.experiment.sweep.profiles import LocalProfile
from common.experiment.sweep.store import Sweep
from common.experiment.sweep.worker import run_job

COMMAND = (sys.executable, "-m", "common.experiment.sweep.worker")


def run_here(sweep: Sweep, indices: Sequence[int], console: Console) -> None:
    """One after the other; what one job does to the process, the next one sees.

    Raises:
        RunInterrupted: on Ctrl-C or SIGTERM; the jobs that are left are not started.
    """
    try:
        for index in indices:
            run_job(sweep, index, console)
    except RunInterrupted as interruption:
        interruption.folder = None  # not resume=: the sweep finds it
        console.print("  The same command again goes on.")
        raise


def run_processes(sweep: Sweep, indices: Sequence[int], console: Console) -> None:
    """Several at a time, each with a log of its own; a failure stops no other.

    Raises:
        KeyboardInterrupt: on Ctrl-C, SIGTERM or SIGHUP, once the jobs have recorded how far they
            came.
    """
    profile: LocalProfile = sweep.profile
    at_once = profile.jobs or max(1, cpus() // profile.threads)
    children = Children()

    def one(index: int) -> tuple[int, int]:
        if sweep.cancelled.exists():
            return index, 0
        log = sweep.logs / f"{index}.log"
        status = children.run([*COMMAND, str(sweep.folder), str(index)], profile.threads, log)
        note = sweep.note(index)
        note.exit = status
        sweep.keep(index, note)
        return index, status

    with signals_interrupt(), ThreadPoolExecutor(max_workers=at_once) as pool:
        futures = [pool.submit(one, index) for index in indices]
        try:
            for count, future in enumerate(as_completed(futures), 1):
                index, status = future.result()
                word = "ended" if status == 0 else f"exit status {status}"
                console.print(
                    f"[{count}/{len(indices)}] {sweep.jobs[index].name}: {word}",
                    markup=False,
                    highlight=False,
                )
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            children.stop()
            raise
