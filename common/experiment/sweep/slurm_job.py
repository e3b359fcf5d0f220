"""What a SLURM job does besides running: it saves and goes back into the queue in time.

The scheduler sends USR2 a while before the time limit, TERM when it preempts a job, and TERM too
when somebody cancels it or puts it back in the queue. In each case the run stops after its step
with a checkpoint. What follows is decided by the state that the scheduler then tells: a job that
still counts as running is to go on later and asks to be queued again, any other just ends.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from common.experiment import processes
from common.experiment.interruption import RunInterrupted, StopRequest
from common.experiment.sweep import queue
from common.experiment.sweep.states import TIME_LIMIT
from common.experiment.sweep.store import Sweep
from common.experiment.sweep.worker import console, run_job

_PATIENCE_SECONDS = 60.0  # for the scheduler to end a job that it has queued again


class JobFailed(Exception):
    """Makes the job end with a status other than 0; what happened stands in the record."""


def run(folder: str, index: int) -> None:
    """What submitit calls in the job.

    Raises:
        JobFailed: the run did not complete.
    """
    from common.experiment.launch import register

    sys.stdout.reconfigure(line_buffering=True)
    limit = _TimeLimit()
    status = 1
    try:
        with StopRequest().listening(), limit.watching():
            register()
            sweep = Sweep.read(Path(folder))
            os.chdir(sweep.directory)
            status = run_job(sweep, index, console())
    except RunInterrupted as interruption:
        print(interruption, flush=True)
        _go_back(folder, index, limit.reached)
    if status != 0:
        raise JobFailed(f"job {index} of {folder}: see its record")


def prepare(folder: str) -> None:
    """What the job does that the others wait for: make or fetch the data, each set once."""
    from common.experiment.sweep.data import prepare as prepare_all

    sweep = Sweep.read(Path(folder))
    os.chdir(sweep.directory)
    prepare_all(sweep, console())


class _TimeLimit:
    """Turns the scheduler's warning into the signal on which a run stops."""

    def __init__(self) -> None:
        self.reached = False

    def watching(self) -> _TimeLimit:
        return self

    def __enter__(self) -> None:
        signal.signal(signal.SIGUSR2, self._warn)

    def __exit__(self, *_: object) -> None:
        # Until the process ends: without a handler a second warning would kill it.
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)

    def _warn(self, signum: int, frame: object) -> None:
        if not self.reached:
            self.reached = True
            os.kill(os.getpid(), signal.SIGTERM)


def _go_back(folder: str, index: int, at_limit: bool) -> None:
    """Ask to be queued again, unless the job was cancelled or is on its way back already."""
    if not processes.is_main():
        time.sleep(_PATIENCE_SECONDS)
        return
    sweep = Sweep.read(Path(folder))
    if at_limit:
        note = sweep.note(index)
        note.attempts[-1]["how"] = TIME_LIMIT
        sweep.keep(index, note)
        reached = sum(a.get("how") == TIME_LIMIT for a in note.attempts)
        if reached > sweep.profile.requeues:
            print(
                f"The time limit was reached {reached} times; hydra.launcher.requeues="
                f"{sweep.profile.requeues} allows no more.",
                flush=True,
            )
            return
    job = queue.own_job()
    state = queue.state_of(job)
    if state != "RUNNING":
        print(f"SLURM says {state or 'nothing'}: not queued again from here.", flush=True)
        return
    print("Back into the queue.", flush=True)
    queue.requeue(job)
    time.sleep(_PATIENCE_SECONDS)
