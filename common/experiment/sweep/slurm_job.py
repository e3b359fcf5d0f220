"""What a SLURM job does besides running: it saves and goes back into the queue in time.

The scheduler sends USR2 a while before the time limit, USR2 or TERM when it preempts a job, and
TERM when somebody cancels it or puts it back in the queue. In each case the run stops after its
step with a checkpoint. What follows is decided by what the scheduler then tells: a job that still
counts as running is to go on later and asks to be queued again, any other just ends; with hardly
any time left it was the time limit, which may not be reached more than so often.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from common.errors import UserError
from common.experiment import processes
from common.experiment.interruption import RunInterrupted, StopRequest
from common.experiment.sweep import queue
from common.experiment.sweep.states import TIME_LIMIT
from common.experiment.sweep.store import Sweep
from common.experiment.sweep.worker import console, run_job

_PATIENCE_SECONDS = 60.0  # for the scheduler to end a job that it has queued again
_PAUSE_SECONDS = 5.0
_EARLY_SECONDS = 60.0  # SLURM may send the warning as much before its time


def run(folder: str, index: int) -> None:
    """What submitit calls in the job.

    Raises:
        SystemExit: the run did not complete. What happened stands in the record; of an exception
            submitit would print its own traceback below that of the run.
    """
    from common.experiment.registration import register

    sys.stdout.reconfigure(line_buffering=True)
    status, began = 1, time.monotonic()
    signal.signal(signal.SIGUSR2, _stop_in_order)
    try:
        with StopRequest().listening():
            register()
            sweep = Sweep.read(Path(folder))
            os.chdir(sweep.directory)
            status = run_job(sweep, index, console())
    except RunInterrupted as interruption:
        print(interruption, flush=True)
        _go_back(folder, index, began)
    if status != 0:
        sys.exit(status)


def prepare(folder: str) -> None:
    """What the job does that the others wait for: make or fetch the data, each set once."""
    from common.experiment.sweep.data import prepare as prepare_all

    sweep = Sweep.read(Path(folder))
    os.chdir(sweep.directory)
    prepare_all(sweep, console())


def _stop_in_order(signum: int, frame: object) -> None:
    """Turns the scheduler's warning into the signal on which a run stops; a second one is none."""
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    os.kill(os.getpid(), signal.SIGTERM)


def _go_back(folder: str, index: int, began: float) -> None:
    """Ask to be queued again, unless the job was cancelled or is on its way back already."""
    sweep, job = Sweep.read(Path(folder)), queue.own_job()
    lead = sweep.profile.signal_lead
    if not processes.is_main():
        # The first process asks; if no signal reaches it, because it waits for this one to join
        # it, this one does.
        time.sleep(lead / 2)
    deadline = time.monotonic() + lead
    while time.monotonic() < deadline:
        try:
            state, left = queue.time_left(job)
            if state != "RUNNING" or sweep.cancelled.exists():
                print(f"SLURM says {state or 'nothing'}: not queued again.", flush=True)
                return
            if _too_often(sweep, index, left):
                return
            print("Back into the queue.", flush=True)
            queue.requeue(job)
            time.sleep(_PATIENCE_SECONDS)
            return
        except queue.NoAnswer as error:
            print(f"{error}; asking again.", flush=True)
            time.sleep(_PAUSE_SECONDS)
        except UserError as error:
            by_the_clock = 60 * sweep.profile.time - (time.monotonic() - began)
            if not _too_often(sweep, index, by_the_clock):
                # In a container: the batch script outside finds this file and asks in its place.
                why = str(error).partition(":")[0]
                print(f"{why}: left to the batch script.", flush=True)
                sweep.requeue(job).touch()
            return
    print("It could not be put back in time: the same command goes on.", flush=True)


def _too_often(sweep: Sweep, index: int, left: float | None) -> bool:
    """Whether this is the time limit and once more than is allowed; an attempt counts once."""
    if left is None or left > sweep.profile.signal_lead + _EARLY_SECONDS:
        return False
    note = sweep.note(index)
    if note.attempts[-1].get("how") != TIME_LIMIT:
        note.attempts[-1]["how"] = TIME_LIMIT
        note.limits += 1
        sweep.keep(index, note)
    if note.limits <= sweep.profile.requeues:
        return False
    print(
        f"The time limit was reached {note.limits} times; hydra.launcher.requeues="
        f"{sweep.profile.requeues} allows no more.",
        flush=True,
    )
    return True
