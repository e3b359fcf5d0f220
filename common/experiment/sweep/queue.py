"""What SLURM says of jobs: one call for those in the queue, one for those that have left it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass

from common.errors import UserError

_TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class Queued:
    """A job as the scheduler sees it.

    Attributes:
        state: ``PENDING``, ``RUNNING``, ``OUT_OF_MEMORY``, ... as SLURM words it.
        reason: why it waits, or the signal that ended it, or its exit status.
        waiting: it is in the queue, to be started or started again.
        alive: it runs, or it waits.
    """

    state: str
    reason: str
    waiting: bool
    alive: bool


class NoAnswer(Exception):
    """The controller does not answer; jobs go on without it."""


def look(ids: Iterable[str]) -> dict[str, Queued]:
    """The state of each job that SLURM still knows.

    Raises:
        NoAnswer: the controller is away for now.
        UserError: there is no SLURM here.
    """
    wanted = set(ids)
    if not wanted:
        return {}
    found = {}
    for line in _call("squeue", "--me", "-h", "-r", "-o", "%i|%T|%r").splitlines():
        name, state, reason = line.split("|", 2)
        if name in wanted:
            waiting = state in ("PENDING", "REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT")
            found[name] = Queued(state, reason, waiting, True)
    arrays = {name.partition("_")[0] for name in wanted - found.keys()}
    if arrays:
        found = _ended(arrays, wanted) | found
    return found


def _ended(arrays: set[str], wanted: set[str]) -> dict[str, Queued]:
    try:
        text = _call("sacct", "-X", "-n", "-P", "-j", ",".join(sorted(arrays)),
                     "-o", "JobID,State,ExitCode,DerivedExitCode")  # fmt: skip
    except NoAnswer:
        return {}  # no accounting: what has left the queue is known from its record alone
    found = {}
    for line in text.splitlines():
        name, state, exit_code, of_step = line.split("|", 3)
        if name in wanted:
            # "CANCELLED by 1000"
            word = state.partition(" ")[0]
            alive = word in ("PENDING", "RUNNING", "REQUEUED", "SUSPENDED", "COMPLETING")
            status, signum = exit_code.partition(":")[0], of_step.partition(":")[2]
            why = f"signal {signum}" if signum not in ("", "0") else f"exit status {status}"
            found[name] = Queued(word, why, word == "PENDING", alive)
    return found


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
    lines = _call("squeue", "-h", "-j", job, "-o", "%T|%L").splitlines()
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
        NoAnswer: it could not be asked to.
    """
    _call("scontrol", "requeue", job)


def cancel(ids: Iterable[str]) -> None:
    """End jobs, whether they run or wait.

    Raises:
        NoAnswer: some could not be ended; the others are.
    """
    known, refused = list(ids), []
    for start in range(0, len(known), 500):
        try:
            _call("scancel", *known[start : start + 500])
        except NoAnswer as error:
            refused.append(error)
    if refused:
        raise refused[0]


def max_array_size() -> int:
    """The largest array that this site takes."""
    for line in _call("scontrol", "show", "config").splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "MaxArraySize":
            return int(value)
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
        raise NoAnswer(f"{command[0]}: {done.stderr.strip()}")
    return done.stdout
