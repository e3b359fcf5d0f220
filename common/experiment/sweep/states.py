"""Where each job of a sweep stands, from its record and from the scheduler."""

from __future__ import annotations

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
LOST = "lost"  # left the queue without a word
ELSEWHERE = "elsewhere"  # another sweep has it
ALIVE = (WAITING, records.RUNNING)
GOOD = (*ALIVE, records.COMPLETED)

_LINES = 20
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
        self._preparing: Queued | None = None
        self._ended: dict[int, JobState] = {}

    def look(self) -> list[JobState]:
        """All jobs, in order."""
        self._at_hand = AtHand(self.sweep.root)
        open_jobs = [job for job in self.sweep.jobs if job.index not in self._ended]
        ids = self._ids({job.index for job in open_jobs})
        try:
            preparing = [s.slurm for s in self.sweep.submissions() if not s.indices]
            queued = queue.look([*ids.values(), *preparing])
            self._preparing = next((queued[p] for p in preparing[-1:] if p in queued), None)
            self.answering = True
        except queue.NoAnswer:
            queued, self.answering = {}, False
        cancelled = self.sweep.cancelled.exists()
        found = {}
        for job in open_jobs:
            name = ids.get(job.index)
            state = self._state(job, name, queued.get(name) if name else None, cancelled)
            found[job.index] = state
            if state.state in _ENDED:
                self._ended[job.index] = state
        return [self._ended.get(job.index) or found[job.index] for job in self.sweep.jobs]

    def _ids(self, wanted: set[int]) -> dict[int, str]:
        """The SLURM job that each was last queued as."""
        return {
            index: name
            for submission in self.sweep.submissions()
            for index, name in submission.ids()
            if index in wanted
        }

    def _state(
        self, job: Job, slurm: str | None, queued: Queued | None, cancelled: bool
    ) -> JobState:
        note = self.sweep.note(job.index)
        before = self.sweep.done.get(job.index)
        folder = note.folder or before
        log = self._log(job.index, slurm)
        run = _read(Path(folder)) if folder else None

        def is_(state: str, cause: str = "") -> JobState:
            place = Path(folder) if folder else None
            return JobState(job, state, cause, place, run, slurm, log, len(note.attempts))

        if note.refused:
            return is_(REFUSED, note.refused)
        if run is not None and run.status in _ENDED and not _again(queued):
            return is_(run.status, run.reason or "")
        if run is not None and locks.is_held(Path(folder) / locks.NAME):
            return is_(records.RUNNING)
        if _is_left(note) or (job.index in self.sweep.elsewhere and not note.attempts):
            return self._elsewhere(job)
        if locks.is_held(self.sweep.lock(job)):
            return is_(records.RUNNING, "starting")
        if queued is not None and queued.alive:
            if queued.waiting:
                return is_(WAITING, self._why(queued, run))
            return is_(records.RUNNING, "starting")
        if slurm and queued is None:
            return self._without_scheduler(is_, note, run)
        if queued is not None:
            if note.attempts and note.attempts[-1].get("how") == TIME_LIMIT:
                return is_(TIME_LIMIT, f"after {len(note.attempts)} attempts")
            return is_(_BY_SLURM.get(queued.state) or _by_end(queued, log), _said(queued, run))
        if note.attempts or run is not None:
            return is_(*_by_process(note, run))
        return is_(CANCELLED if cancelled else WAITING)

    def _elsewhere(self, job: Job) -> JobState:
        """Of a job that was left to another sweep, or to a run that was started by hand."""
        standing = self._at_hand.of(job)
        run = _read(standing.folder) if standing.folder else None
        if standing.what == at_hand.DONE and run is not None:
            return JobState(job, run.status, run.reason or "", standing.folder, run)
        sweep = self.sweep.elsewhere.get(job.index, "another process")
        return JobState(job, ELSEWHERE, f"left to {sweep}", standing.folder, run)

    def _without_scheduler(self, is_, note: Note, run: Record | None) -> JobState:
        if not self.answering:
            return is_(WAITING, "the controller does not answer")
        if run is None:
            return is_(WAITING if not note.attempts else LOST, "not in the queue (yet)")
        return is_(run.status if run.status == records.INTERRUPTED else LOST, run.reason or "")

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


def _again(queued: Queued | None) -> bool:
    """Whether a job whose record has ended waits to be started again."""
    return queued is not None and queued.waiting


def _by_end(queued: Queued, log: Path | None) -> str:
    """Where SLURM has no word for it: without cgroups it kills for want of memory and only says so
    in the job's output."""
    if queued.reason not in ("signal 9", "exit status 137"):
        return records.FAILED
    said = last_lines(log, _LINES) if log else ""
    return OUT_OF_MEMORY if "memory limit" in said.lower() else KILLED


def _said(queued: Queued, run: Record | None) -> str:
    reason = f"; {run.reason}" if run is not None and run.reason else ""
    return f"SLURM: {queued.state}, {queued.reason}{reason}"


def _by_process(note: Note, run: Record | None) -> tuple[str, str]:
    """Of a job that this machine started and that holds no lock any more."""
    if run is not None and run.status == records.INTERRUPTED:
        return records.INTERRUPTED, run.reason or ""
    if note.exit is None:
        return KILLED, "with the process that started it"
    if note.exit < 0:
        return KILLED, f"by signal {-note.exit}"
    return records.FAILED, f"exit status {note.exit}"
