"""A sweep's own folder: what it consists of, and a note on every job that has begun.

    <output_root>/sweeps/<date-time>-<hash>/
        sweep.json        the jobs, the command, where they run; written once
        submissions.json  what was queued, as which SLURM jobs
        jobs/<n>.json     the run folder of job n, and each attempt at it
        logs/             what the jobs said
        requeue/          jobs in containers that ask to be queued again
        cancelled         there if the sweep was cancelled
        parent.lock       held by the process that starts jobs

How a job ended stands in its run's record, nowhere else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from common.atomic import write_text
from common.errors import UserError
from common.experiment.sweep import profiles
from common.experiment.sweep.job import Job
from common.experiment.sweep.profiles import Profile

SWEEPS = "sweeps"
LEFT = "left to another process"  # how an attempt ended that found its experiment being run
_SCHEMA = 1
# What planning alone needs of a job is not kept.
_JOB = tuple(f.name for f in fields(Job) if f.name not in ("roots", "datasets", "members"))


@dataclass
class Note:
    """What is known of a job that has begun.

    Attributes:
        folder: of its run.
        refused: why it could not open one.
        exit: exit status of its process, where this machine started it.
        limits: how often it has reached the time limit since it was last queued by a person.
        attempts: host, process, SLURM job, when, and why it ended.
    """

    folder: str | None = None
    refused: str | None = None
    exit: int | None = None
    limits: int = 0
    attempts: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Submission:
    """Jobs that were queued together; element k of the array is job ``indices[k]``.

    One without jobs is the preparation of data that the others wait for.

    Attributes:
        slurm: number of the SLURM job, of the array if there are several.
        when: seconds since the epoch.
    """

    slurm: str
    indices: list[int]
    when: float

    def ids(self) -> Iterator[tuple[int, str]]:
        """Each job and its SLURM id."""
        if len(self.indices) == 1:
            yield self.indices[0], self.slurm
        else:
            yield from ((i, f"{self.slurm}_{k}") for k, i in enumerate(self.indices))


@dataclass(frozen=True)
class Sweep:
    """Many runs from one command.

    Attributes:
        folder: its own.
        jobs: in the order of the command.
        command: as typed.
        profile: where they run.
        directory: in which relative names are meant.
        skip_done: what has been run with the present code is left alone.
        done: job -> the run that was there before, or on its way, which counts as its own.
        elsewhere: job -> the sweep that had the same experiment in its queue.
        data: specifications of the sets that it needs, as [class, fields].
        data_options: the section ``data`` of the configuration: where they are looked for.
        commit: of the code, when it was planned.
    """

    folder: Path
    jobs: tuple[Job, ...]
    command: str
    profile: Profile
    directory: Path
    skip_done: bool = True
    done: Mapping[int, str] = field(default_factory=dict)
    elsewhere: Mapping[int, str] = field(default_factory=dict)
    data: Sequence[Any] = ()
    data_options: Mapping[str, Any] = field(default_factory=dict)
    commit: str | None = None

    @property
    def name(self) -> str:
        """What names it on the command line."""
        return self.folder.name

    @property
    def slurm_name(self) -> str:
        """What all its jobs are called on a cluster."""
        return f"structlab-{self.name}"

    @property
    def root(self) -> Path:
        """``output_root``."""
        return self.folder.parent.parent

    @property
    def logs(self) -> Path:
        """Folder of what the jobs said."""
        return self.folder / "logs"

    @property
    def parent(self) -> Path:
        """The lock of the process that starts its jobs; those left to start wait for it."""
        return self.folder / "parent.lock"

    @property
    def cancelled(self) -> Path:
        """The file that says so."""
        return self.folder / "cancelled"

    def requeue(self, slurm: str) -> Path:
        """The file by which a job that cannot reach the scheduler asks to be queued again."""
        return self.folder / "requeue" / slurm

    def lock(self, job: Job) -> Path:
        """Held by whoever runs this experiment for a sweep, this one or another."""
        return self.folder.parent / ".locks" / job.config_hash

    def write(self) -> None:
        """Make the folder and everything in it."""
        content = {
            "schema": _SCHEMA,
            "command": self.command,
            "profile": profiles.dump(self.profile),
            "directory": str(self.directory),
            "skip_done": self.skip_done,
            "done": {str(index): folder for index, folder in self.done.items()},
            "elsewhere": {str(index): name for index, name in self.elsewhere.items()},
            "data": list(self.data),
            "data_options": dict(self.data_options),
            "commit": self.commit,
            "jobs": [{key: getattr(job, key) for key in _JOB} for job in self.jobs],
        }
        for part in ("jobs", "logs", "requeue"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        (self.folder.parent / ".locks").mkdir(exist_ok=True)
        write_text(self.folder / "sweep.json", json.dumps(content))

    @classmethod
    def read(cls, folder: Path) -> Sweep:
        """The sweep in a folder.

        Raises:
            UserError: there is none, or another version wrote it.
        """
        path = folder / "sweep.json"
        try:
            content = json.loads(path.read_text())
        except FileNotFoundError:
            raise UserError(f"{folder} is not a sweep: it has no sweep.json.") from None
        except ValueError as error:
            raise UserError(f"{path} is not valid JSON ({error}).") from None
        if not isinstance(content, dict) or content.get("schema") != _SCHEMA:
            raise UserError(f"{path} was written by another version; this code reads {_SCHEMA}.")
        return cls(
            folder,
            tuple(Job(**job | {"overrides": tuple(job["overrides"])}) for job in content["jobs"]),
            content["command"],
            profiles.parse(content["profile"]),
            Path(content["directory"]),
            content["skip_done"],
            {int(index): folder for index, folder in content["done"].items()},
            {int(index): name for index, name in content["elsewhere"].items()},
            content["data"],
            content["data_options"],
            content["commit"],
        )

    def note(self, index: int) -> Note:
        """What is known of a job; an empty note if it has not begun."""
        try:
            return Note(**json.loads(self._note(index).read_text()))
        except FileNotFoundError:
            return Note()

    def keep(self, index: int, note: Note) -> None:
        """Write a job's note, atomically."""
        write_text(self._note(index), json.dumps(asdict(note), indent=1))

    def submissions(self) -> list[Submission]:
        """What was queued, oldest first."""
        try:
            content = json.loads((self.folder / "submissions.json").read_text())
        except FileNotFoundError:
            return []
        return [Submission(**entry) for entry in content]

    def add(self, submission: Submission) -> None:
        """Keep what was queued; called as soon as the scheduler has said its number."""
        entries = [asdict(s) for s in (*self.submissions(), submission)]
        write_text(self.folder / "submissions.json", json.dumps(entries))

    def _note(self, index: int) -> Path:
        return self.folder / "jobs" / f"{index}.json"


def new_folder(root: Path, jobs: Sequence[Job]) -> Path:
    """Make a folder for a sweep of these jobs that no other has."""
    digest = hashlib.sha256("".join(job.config_hash for job in jobs).encode()).hexdigest()[:8]
    stem = f"{datetime.now():%Y%m%d-%H%M%S}-{digest}"
    for attempt in range(1, 1000):
        folder = root / SWEEPS / (stem if attempt == 1 else f"{stem}-{attempt}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise UserError(f"{root / SWEEPS} holds 1000 sweeps of this second.")


def folders(root: Path) -> list[Path]:
    """The sweeps of an ``output_root``, oldest first."""
    return sorted(path.parent for path in (root / SWEEPS).glob("*/sweep.json"))


def find(root: Path, name: str | None) -> Sweep:
    """A sweep by its name, or by the beginning of it; the newest if none is given.

    Raises:
        UserError: there is none of this name, or several begin so.
    """
    known = folders(root)
    found = [f for f in known if f.name == name] or [
        f for f in known if name is None or f.name.startswith(name)
    ]
    if not found:
        raise UserError(
            f"{root / SWEEPS} has no sweep{f' {name!r}' if name else ''}. There are: "
            f"{', '.join(f.name for f in known) or 'none'}."
        )
    if name is not None and len(found) > 1:
        raise UserError(f"{name!r} may be any of {', '.join(f.name for f in found)}.")
    return Sweep.read(found[-1])


def command(name: str, sweep: Sweep) -> str:
    """The command line that does something with a sweep, from here."""
    elsewhere = "" if sweep.root == Path("outputs").resolve() else f" --output-root {sweep.root}"
    return f"python -m common.experiment sweeps {name}{elsewhere} {sweep.name}"
