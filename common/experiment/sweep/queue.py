"""What SLURM says of jobs: one call for those in the queue, one for those that have left it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from common.errors import UserError

_TIMEOUT_SECONDS = 60
# Of what the commands say when the controller is restarted, busy or cut off: it passes.
_AWAY = ("contact", "timed out", "timeout", "connect", "zero bytes", "transmi", "temporarily")
_WAITING = ("PENDING", "REQUEUED")
_HELD = ("REQUEUE_HOLD", "SPECIAL_EXIT")
_ALIVE = (*_WAITING, "RUNNING", "CONFIGURING", "SUSPENDED", "STOPPED", "COMPLETING", "SIGNALING",
          "STAGE_OUT", "RESIZING")  # fmt: skip


@dataclass(frozen=True)
class Queued:
    """A job as the scheduler sees it.

    Attributes:
        state: ``PENDING``, ``RUNNING``, ``OUT_OF_MEMORY``, ... as SLURM words it.
        reason: why it waits, or the signal that ended it, or its exit status.
        waiting: it is in the queue, to be started or started again.
        alive: it runs, or it waits.
        held: it is in the queue, and somebody has to let it go.
        ended: when it left the queue, in seconds since the epoch.
    """

    state: str
    reason: str
    waiting: bool = False
    alive: bool = False
    held: bool = False
    ended: float = 0.0


class NoAnswer(Exception):
    """The controller does not answer; jobs go on without it."""


def look(ids: Iterable[str]) -> dict[str, Queued]:
    """The state of each job that SLURM still knows.

    Raises:
        NoAnswer: the controller is away for now.
        UserError: there is no SLURM here, or it does not understand the question.
    """
    wanted = set(ids)
    if not wanted:
        return {}
    # Those that have just ended among them: sites without accounting know them for five minutes.
    options = ["-u", str(os.getuid()), "-a", "-h", "-r", "-t", "all", "-o", "%i|%T|%e|%r"]
    found = {}
    for line in _call("squeue", *options).splitlines():
        name, state, ended, reason = line.split("|", 3)
        if name in wanted:
            found[name] = _queued(state, ended, reason)
    gone = wanted - {name for name, job in found.items() if job.alive or job.held}
    return found | _ended(gone)


def _ended(gone: set[str]) -> dict[str, Queued]:
    """What accounting says of jobs that have left the queue."""
    if not gone:
        return {}
    arrays = ",".join(sorted({name.partition("_")[0] for name in gone}))
    columns = "JobID,State,End,ExitCode,DerivedExitCode"
    try:
        text = _call("sacct", "-X", "-n", "-P", "-j", arrays, "-o", columns)
    except (NoAnswer, UserError):
        return {}  # no accounting here: what became of a job is known from its record alone
    found = {}
    for line in text.splitlines():
        name, state, ended, exit_code, of_step = line.split("|", 4)
        if name in gone:
            status, signum = exit_code.partition(":")[0], of_step.partition(":")[2]
            why = f"signal {signum}" if signum not in ("", "0") else f"exit status {status}"
            found[name] = _queued(state.partition(" ")[0], ended, why)  # "CANCELLED by 1000"
    return found


def _queued(state: str, ended: str, reason: str) -> Queued:
    waiting = state in _WAITING
    held = state in _HELD or (waiting and "held" in reason.lower())
    return Queued(state, reason, waiting, state in _ALIVE and not held, held, _epoch(ended))


def _epoch(text: str) -> float:
    """Seconds since the epoch of SLURM's local time; 0 of ``Unknown`` and the like."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0


def own_job() -> str | None:
    """The SLURM job that this process is part of.

    Of an array SLURM_JOB_ID will not do: that of its last element names the whole array.
    """
    array = os.environ.get("SLURM_ARRAY_JOB_ID")
    if array is not None:
        return f"{array}_{os.environ['SLURM_ARRAY_TASK_ID']}"
    return os.environ.get("SLURM_JOB_ID")


def time_left(job: str) -> tuple[str, float | None]:
    """The state of one job and the seconds until its limit, asked from within it.

    The state is empty if the job is not in the queue, the seconds None if there is no limit.

    Raises:
        NoAnswer: the controller is away for now.
        UserError: there is no SLURM here.
    """
    try:
        lines = _call("squeue", "-a", "-h", "-j", job, "-o", "%T|%L").splitlines()
    except UserError as error:
        if "invalid job id" in str(error).lower():
            return "", None
        raise
    if not lines:
        return "", None
    state, _, left = lines[0].partition("|")
    return state, _seconds(left)


def _seconds(text: str) -> float | None:
    """Seconds of ``1-02:03:04``, ``2:03:04`` or ``3:04``; None of ``UNLIMITED`` and the like."""
    days, _, clock = text.rpartition("-")
    try:
        parts = [int(part) for part in clock.split(":")]
        seconds = int(days or 0) * 86400.0
    except ValueError:
        return None
    return seconds + sum(part * 60**power for power, part in enumerate(reversed(parts)))


def requeue(job: str) -> None:
    """Put a running job back in the queue; SLURM then ends it.

    Raises:
        NoAnswer: the controller is away for now.
        UserError: there is no SLURM here, or it puts no job back.
    """
    _call("scontrol", "requeue", job)


def cancel(name: str) -> None:
    """End all jobs of one name, whether they run or wait; jobs whose number nobody wrote down too.

    Raises:
        NoAnswer: the controller is away for now.
        UserError: there is no SLURM here.
    """
    _call("scancel", "-u", str(os.getuid()), "--name", name)


def max_array_size() -> int:
    """The largest array that this site takes; 1 where it takes none.

    Raises:
        NoAnswer: the controller is away for now.
    """
    for line in _call("scontrol", "show", "config").splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "MaxArraySize":
            return max(1, int(value))
    return 1000


def _call(*command: str) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False
        )
    except FileNotFoundError:
        raise UserError(
            f"There is no {command[0]} here: this is not a node of a SLURM cluster. Use "
            "hydra/launcher=local, or log in to the cluster."
        ) from None
    except subprocess.TimeoutExpired:
        raise NoAnswer(f"{command[0]} does not answer") from None
    if done.returncode != 0:
        said = f"{command[0]}: {done.stderr.strip()}"
        if any(word in said.lower() for word in _AWAY):
            raise NoAnswer(said)
        raise UserError(said)
    return done.stdout
