"""One job of a sweep, from its index to its record: the same for every launcher.

    python -m common.experiment.sweep.worker <sweep folder> <index>

A job finds by itself what it still needs. Whoever starts it a second time (the scheduler that put
it back in the queue, ``sweeps retry``, another sweep) passes on nothing but its index.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, open_dict
from rich.console import Console

from common.errors import UserError
from common.experiment import locks, processes
from common.experiment.composite import members_of
from common.experiment.interruption import RunInterrupted, StopRequest
from common.experiment.paths import conf_folder
from common.experiment.perform import exit_status, perform
from common.experiment.record import Record
from common.experiment.sweep import at_hand, queue
from common.experiment.sweep.at_hand import AtHand
from common.experiment.sweep.profiles import BasicProfile, LocalProfile
from common.experiment.sweep.store import LEFT, Note, Sweep

OK, MISTAKE, INTERRUPTED = 0, 2, 130
# The process before this one may still be writing its last checkpoint; and where its node died, a
# network file system keeps its lock for a while.
_PATIENCE_SECONDS = 30.0
_PAUSE_SECONDS = 0.5
_PATIENCE_RESTARTED_SECONDS = 150.0
_PATIENCE_STARTING_SECONDS = 600.0


def main(arguments: list[str]) -> int:
    """Entry point of a process that runs one job; returns its exit status."""
    from common.experiment.registration import register

    register()
    sweep = Sweep.read(Path(arguments[0]))
    os.chdir(sweep.directory)
    try:
        with StopRequest().listening():
            return run_job(sweep, int(arguments[1]), console())
    except RunInterrupted as interruption:
        print(interruption, file=sys.stderr)
        return INTERRUPTED


def console() -> Console:
    """For a log: of several processes only the first writes there."""
    return Console(quiet=not processes.is_main(), width=120)


def run_job(sweep: Sweep, index: int, console: Console) -> int:
    """Run a job unless it has been run; returns the exit status.

    Raises:
        RunInterrupted: a signal came; the run has recorded it.
    """
    job = sweep.jobs[index]
    if sweep.cancelled.exists():
        console.print("The sweep was cancelled.")
        return OK
    if not processes.is_main():
        # The first process looks after the note and the lock.
        return _perform(sweep, index, console) if _begun(sweep, index) else OK
    patience = _PATIENCE_RESTARTED_SECONDS if int(_restarts()) else _PATIENCE_SECONDS
    with locks.holding(sweep.lock(job), patience) as alone, _attempt(sweep, index) as how:
        # A run that was started by hand holds no lock of sweeps, but its own.
        if not alone or _needed(sweep, index)[0] == at_hand.RUNNING:
            console.print("Another process is running this experiment: left to it.")
            how.append(LEFT)
            return OK
        return _perform(sweep, index, console)


def _begun(sweep: Sweep, index: int) -> bool:
    """Wait for the first process, which opens the run or finds that there is nothing to do."""
    deadline = time.monotonic() + _PATIENCE_STARTING_SECONDS
    while time.monotonic() < deadline:
        note = sweep.note(index)
        attempt = note.attempts[-1] if note.attempts else {}
        if (attempt.get("slurm"), attempt.get("restarts")) == (queue.own_job(), _restarts()):
            if attempt.get("opened"):
                return True
            if attempt.get("ended"):
                return False
        time.sleep(_PAUSE_SECONDS)
    print(f"Process {processes.rank()} heard nothing of process 0.", flush=True)
    return False


def _perform(sweep: Sweep, index: int, console: Console) -> int:
    job, note = sweep.jobs[index], sweep.note(index)
    what, folder = _needed(sweep, index)
    if what == at_hand.DONE:
        note.folder = str(folder)
        sweep.keep(index, note)
        console.print(f"Done before: {folder}", highlight=False)
        return exit_status(Record.read(folder))
    if what == at_hand.RESUME and processes.is_main():
        for run in (folder, *members_of(folder).values()):
            _set_aside_corrupt(run)

    def opened(opened_folder: Path) -> None:
        note = sweep.note(index)
        note.folder = str(opened_folder.resolve())
        note.attempts[-1]["opened"] = True
        sweep.keep(index, note)

    try:
        with _composing():
            config = compose("config", overrides=list(job.overrides))
            _place(config, sweep, folder if what == at_hand.RESUME else None)
            outcome = perform(config, list(job.overrides), console, opened)
    except UserError as mistake:
        if processes.is_main():
            _refuse(sweep, index, str(mistake))
        console.print(f"refused: {mistake}", highlight=False, markup=False, soft_wrap=True)
        return MISTAKE
    return exit_status(outcome.record)


def _needed(sweep: Sweep, index: int) -> tuple[str, Path | None]:
    """What is left to do: an attempt of this sweep goes before the runs of others."""
    note = sweep.note(index)
    if note.folder is not None:
        own = at_hand.standing_of(Path(note.folder))
        if own is not None and own.what in (at_hand.DONE, at_hand.RESUME):
            return own.what, own.folder
    if not sweep.skip_done:
        return at_hand.NEW, None
    standing = AtHand(sweep.root).of(sweep.jobs[index])
    return standing.what, standing.folder


def _place(config: DictConfig, sweep: Sweep, resume: Path | None) -> None:
    """Set what says where and how, not what."""
    profile = sweep.profile
    with open_dict(config):
        config.output_root = str(sweep.root)
        config.resume = None if resume is None else str(resume)
        if not isinstance(profile, BasicProfile) and not config.trainer.threads:
            own = profile.threads if isinstance(profile, LocalProfile) else profile.cpus
            config.trainer.threads = own


def _refuse(sweep: Sweep, index: int, why: str) -> None:
    note = sweep.note(index)
    if note.folder is None:
        note.refused = why
        sweep.keep(index, note)


@contextmanager
def _attempt(sweep: Sweep, index: int) -> Iterator[list[str]]:
    """Note when an attempt began and how it ended; of one that dies the end is missing."""
    note = sweep.note(index)
    attempt = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "slurm": queue.own_job(),
        "restarts": _restarts(),
        "started": _now(),
    }
    sweep.keep(index, Note(note.folder, None, None, note.limits, [*note.attempts, attempt]))
    how: list[str] = []
    try:
        yield how
        how.append("ended")
    except RunInterrupted as interruption:
        how.append(str(interruption))
        raise
    except BaseException as error:
        how.append(type(error).__name__)
        raise
    finally:
        note = sweep.note(index)
        note.attempts[-1] |= {"ended": _now(), "how": how[0]}
        sweep.keep(index, note)


@contextmanager
def _composing() -> Iterator[None]:
    """Hydra, unless it is up already."""
    if GlobalHydra.instance().is_initialized():
        yield
    else:
        with initialize_config_dir(str(conf_folder()), version_base="1.3"):
            yield


def _set_aside_corrupt(folder: Path) -> None:
    """A run that nobody watches goes back to its last whole checkpoint by itself."""
    from common.trainers.checkpoints import checkpoints, verify

    for path in checkpoints(folder):
        try:
            verify(path)
        except UserError:
            path.rename(path.with_suffix(".corrupt"))
        else:
            return


def _restarts() -> str:
    """How often SLURM has put this job back in its queue."""
    return os.environ.get("SLURM_RESTART_COUNT", "0")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
