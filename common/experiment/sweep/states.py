"""Where each job of a sweep stands, from its record and from the scheduler."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from common.errors import UserError
from common.experiment import locks
from common.experiment import record as records
from common.experiment.children import last_lines
from common.experiment.record import Record
from common.experiment.sweep import at_hand, queue
from common.experiment.sweep.at_hand import AtHand
from common.experiment.sweep.job import Job
from common.experiment.sweep.queue import Queued
from common.experiment.sweep.store import LEFT, Note, Sweep

WAITING = "waiting"
CANCELLED = "cancelled"
KILLED = "killed"
REFUSED = "refused"
TIME_LIMIT = "time limit"
OUT_OF_MEMORY = "out of memory"
NODE_FAILED = "node failed"
NOT_STARTED = "not started"
LOST = "lost"  # left the queue without a word
ELSEWHERE = "elsewhere"  # another sweep has it
HELD = "held"  # in the queue, until somebody lets it go
UNKNOWN = "unknown"  # queued on a cluster that cannot be asked from here
ALIVE = (WAITING, records.RUNNING)
_FOR_EVER = (records.COMPLETED, records.DIVERGED)  # nothing that is tried again changes it

_LINES = 20
_JUST_QUEUED_SECONDS = 60.0
_JUST_ENDED_SECONDS = 90.0  # until every machine sees what the job wrote last
_ENDED = (records.COMPLETED, records.FAILED, records.DIVERGED, records.NOT_RUN)
_BY_SLURM = {
    "OUT_OF_MEMORY": OUT_OF_MEMORY,
    "TIMEOUT": TIME_LIMIT,
    "DEADLINE": TIME_LIMIT,
    "CANCELLED": CANCELLED,
    "NODE_FAIL": NODE_FAILED,
    "BOOT_FAIL": NODE_FAILED,
    "PREEMPTED": records.INTERRUPTED,
}


@dataclass(frozen=True)
class _Seen:
    """What is on the disk of one job."""

    note: Note
    folder: Path | None = None
    run: Record | None = None
    held: bool = False

    @property
    def ended(self) -> bool:
        """Whether its record says how it ended."""
        return self.run is not None and self.run.status in _ENDED and not self.held

    @property
    def settled(self) -> bool:
        """Whether nobody needs to be asked; a composite goes on in the folder of the one before."""
        return self.ended and not self.run.facts.get("members")


@dataclass(frozen=True)
class JobState:
    """One job.

    Attributes:
        state: one word or two; a record's status where there is one.
        cause: why it is so.
        slurm: the SLURM job that last had it.
        log: what it said, as far as there is a file.
    """

    job: Job
    state: str
    cause: str = ""
    folder: Path | None = None
    record: Record | None = None
    slurm: str | None = None
    log: Path | None = None
    attempts: int = 0

    @property
    def alive(self) -> bool:
        """Whether it may still end well by itself."""
        return self.state in ALIVE


class States:
    """Looks at a sweep again and again; what has ended is read once."""

    def __init__(self, sweep: Sweep):
        self.sweep = sweep
        self.answering = True
        self._refused = ""
        self._at_hand = AtHand(sweep.root)
        self._starting = self._cancelled = False
        self._preparing: Queued | None = None
        self._ended: dict[int, JobState] = {}

    def look(self) -> list[JobState]:
        """All jobs, in order."""
        self._at_hand = AtHand(self.sweep.root)
        self._starting = locks.is_held(self.sweep.parent)
        self._cancelled = self.sweep.cancelled.exists()
        open_jobs = [job for job in self.sweep.jobs if job.index not in self._ended]
        ids = self._ids({job.index for job in open_jobs})
        seen = {job.index: self._seen(job) for job in open_jobs}
        asked = [name for index, (name, _) in ids.items() if not seen[index].settled]
        queued = self._queued(asked)
        found = {}
        for job in open_jobs:
            name, when = ids.get(job.index, (None, 0.0))
            answer = queued.get(name) if name else None
            state = self._state(job, seen[job.index], name, answer, when)
            found[job.index] = state
            if state.state in _FOR_EVER:
                self._ended[job.index] = state
        return [self._ended.get(job.index) or found[job.index] for job in self.sweep.jobs]

    def _ids(self, wanted: set[int]) -> dict[int, tuple[str, float]]:
        """The SLURM job that each was last queued as, and when."""
        return {
            index: (name, submission.when)
            for submission in self.sweep.submissions()
            for index, name in submission.ids()
            if index in wanted
        }

    def _queued(self, names: list[str]) -> dict[str, Queued]:
        """What the scheduler says of jobs, and of the preparation that they wait for."""
        if not names:
            return {}
        preparing = [s.slurm for s in self.sweep.submissions() if not s.indices][-1:]
        self.answering, self._refused = True, ""
        try:
            queued = queue.look([*names, *preparing])
        except queue.NoAnswer:
            self.answering = False
            return {}
        except UserError as error:  # this machine is not of the cluster
            self._refused = str(error)
            return {}
        self._preparing = queued.get(preparing[0]) if preparing else None
        return queued

    def _seen(self, job: Job) -> _Seen:
        """What the files say of a job."""
        note = self.sweep.note(job.index)
        place = note.folder or self.sweep.done.get(job.index)
        if place is None:
            return _Seen(note)
        folder = Path(place)
        # In this order: what ends between the two has written its record before it lets go.
        held = locks.is_held(folder / locks.NAME)
        return _Seen(note, folder, _read(folder), held)

    def _state(
        self, job: Job, seen: _Seen, slurm: str | None, queued: Queued | None, when: float
    ) -> JobState:
        note, run = seen.note, seen.run
        log = self._log(job.index, slurm)

        def is_(state: str, cause: str = "") -> JobState:
            return JobState(job, state, cause, seen.folder, run, slurm, log, len(note.attempts))

        if run is not None and seen.ended and not (queued is not None and queued.waiting):
            return is_(run.status, run.reason or "")
        if seen.held:
            return is_(records.RUNNING)
        if _is_left(note) or (job.index in self.sweep.elsewhere and not note.attempts):
            return self._elsewhere(job)
        if note.refused and not (queued is not None and queued.alive):
            return is_(REFUSED, note.refused)
        if locks.is_held(self.sweep.lock(job)):
            return is_(records.RUNNING, "starting")
        if slurm and queued is None:
            return is_(*self._without_scheduler(run, when))
        if queued is None:
            return is_(*self._by_process(note, run))
        if queued.held:
            return is_(HELD, f"{queued.reason}; scontrol release {slurm} lets it go")
        if queued.alive:
            waiting = is_(WAITING, self._why(queued, run))
            return waiting if queued.waiting else is_(records.RUNNING, "starting")
        if queued.state == "COMPLETED":
            return is_(*self._without_record(queued))
        return is_(*_by_slurm(queued, note, run, log))

    def _by_process(self, note: Note, run: Record | None) -> tuple[str, str]:
        """Of a job that a process here starts, and that nobody runs now."""
        if note.exit is None and self._starting:
            return WAITING, ""
        if self._cancelled:
            return CANCELLED, run.reason or "" if run is not None else ""
        if run is not None and run.status == records.INTERRUPTED:
            return records.INTERRUPTED, run.reason or ""
        if not note.attempts and run is None:
            return NOT_STARTED, "the process that was to start it has ended"
        if note.exit is None:
            return KILLED, "with the process that started it"
        if note.exit < 0:
            return KILLED, f"by signal {-note.exit}"
        return records.FAILED, f"exit status {note.exit}"

    def _elsewhere(self, job: Job) -> JobState:
        """Of a job that was left to another sweep, or to a run that was started by hand."""
        standing = self._at_hand.of(job)
        run = _read(standing.folder) if standing.folder else None
        if standing.what == at_hand.DONE and run is not None:
            return JobState(job, run.status, run.reason or "", standing.folder, run)
        sweep = self.sweep.elsewhere.get(job.index, "another process")
        return JobState(job, ELSEWHERE, f"left to {sweep}", standing.folder, run)

    def _without_scheduler(self, run: Record | None, when: float) -> tuple[str, str]:
        """Of a job that the scheduler does not know."""
        if not self.answering:
            return WAITING, "the controller does not answer"
        if self._refused:
            return UNKNOWN, self._refused
        if time.time() - when < _JUST_QUEUED_SECONDS:
            return WAITING, "just queued"
        if self._cancelled:
            return CANCELLED, ""
        if run is not None and run.status == records.INTERRUPTED:
            return records.INTERRUPTED, run.reason or ""
        return LOST, "SLURM knows nothing of it any more"

    def _without_record(self, queued: Queued) -> tuple[str, str]:
        """Of a job that has ended well as far as the scheduler knows, and whose run has not."""
        if time.time() - queued.ended < _JUST_ENDED_SECONDS:
            return WAITING, "it has just ended"
        said = f"SLURM: {queued.state}"
        return (CANCELLED, said) if self._cancelled else (LOST, f"{said}, without a record")

    def _why(self, queued: Queued, run: Record | None) -> str:
        """Why a job waits."""
        again = "put back in the queue; " if run is not None else ""
        if queued.reason == "Dependency" and self._preparing is not None:
            return f"data are being prepared ({self._preparing.state}, {self._preparing.reason})"
        return f"{again}{queued.reason}"

    def _log(self, index: int, slurm: str | None) -> Path | None:
        names = [f"{slurm}_0_log.out"] if slurm else [f"{index}.log"]
        return next((p for p in (self.sweep.logs / name for name in names) if p.exists()), None)


def _is_left(note: Note) -> bool:
    return note.folder is None and bool(note.attempts) and note.attempts[-1].get("how") == LEFT


def _read(folder: Path) -> Record | None:
    """Without what no table shows: a sweep may have ten thousand of them."""
    try:
        run = Record.read(folder)
    except UserError:
        return None
    run.config, run.code = {}, {}
    return run


def _by_slurm(queued: Queued, note: Note, run: Record | None, log: Path | None) -> tuple[str, str]:
    """Of a job that has left the queue."""
    reason = f"; {run.reason}" if run is not None and run.reason else ""
    said = f"SLURM: {queued.state}, {queued.reason}{reason}"
    if queued.state in _BY_SLURM:
        return _BY_SLURM[queued.state], said
    if note.attempts and note.attempts[-1].get("how") == TIME_LIMIT:
        return TIME_LIMIT, f"reached {note.limits} times"
    return _by_end(queued, log), said


def _by_end(queued: Queued, log: Path | None) -> str:
    """Where SLURM has no word for it: without cgroups it kills for want of memory and only says so
    in the job's output."""
    if queued.reason not in ("signal 9", "exit status 137"):
        return records.FAILED
    said = last_lines(log, _LINES) if log else ""
    return OUT_OF_MEMORY if "memory limit" in said.lower() else KILLED
