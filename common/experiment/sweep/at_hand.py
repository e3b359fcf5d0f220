"""Which runs are there already, and what can be done with them."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from common.errors import UserError
from common.experiment import locks, sources
from common.experiment import record as records
from common.experiment.composite import members_of
from common.experiment.record import Record
from common.experiment.sweep.job import Job

NEW, DONE, RUNNING, RESUME = "run", "done", "running", "resume"
ENDED = (records.COMPLETED, records.DIVERGED)  # doing it again would change nothing
CUT_SHORT = (records.INTERRUPTED, records.RUNNING)

_FOLDER = re.compile(r"\d{8}-\d{6}-([0-9a-f]{12})(?:-\d+)?")


@dataclass(frozen=True)
class Standing:
    """What a job still needs.

    Attributes:
        what: ``run`` it anew, ``resume`` the run in ``folder``, or nothing: it is ``done`` or
            ``running``.
    """

    what: str
    folder: Path | None = None


class AtHand:
    """The runs below an ``output_root``."""

    def __init__(self, root: Path):
        self._root = root
        self._listed: dict[tuple[str, str], dict[str, list[Path]]] = {}

    def of(self, job: Job) -> Standing:
        """What has been done of a job. Runs of other code count for nothing."""
        resumable = running = None
        for folder in self.folders(job):
            found = standing_of(folder)
            if found is None:
                continue
            if found.what == DONE:
                return found
            if found.what == RUNNING:
                running = running or found
            elif found.what == RESUME:
                resumable = resumable or found
        return running or resumable or Standing(NEW)

    def folders(self, job: Job) -> Iterable[Path]:
        """Folders of runs of the same configuration, newest first."""
        return self._list(job).get(job.config_hash, [])

    def alike(self, job: Job) -> list[Path]:
        """Folders of all runs of the same task, newest first."""
        found = [folder for folders in self._list(job).values() for folder in folders]
        return sorted(found, key=lambda folder: folder.name, reverse=True)

    def _list(self, job: Job) -> dict[str, list[Path]]:
        key = (job.paper, job.task)
        if key not in self._listed:
            found: dict[str, list[Path]] = defaultdict(list)
            parent = self._root / job.paper / job.task
            names = sorted(os.listdir(parent), reverse=True) if parent.is_dir() else []
            for name in names:
                if match := _FOLDER.fullmatch(name):
                    found[match.group(1)].append(parent / name)
            self._listed[key] = found
        return self._listed[key]


def standing_of(folder: Path) -> Standing | None:
    """What one run is good for; None if its record cannot be read."""
    # First the lock: what lets go of it has written its record before.
    held = locks.is_held(folder / locks.NAME)
    try:
        run = Record.read(folder)
        members = {name: Record.read(member) for name, member in members_of(folder).items()}
    except UserError:
        return None
    if held:
        return Standing(RUNNING, folder)
    if not all(same_code(one) for one in (run, *members.values())):
        return Standing(NEW)
    if members and run.status != records.RUNNING:
        # A composite ends whatever its members lacked; what they lacked may be there now.
        whole = members.keys() == run.config.get("members", {}).keys()
        ended = all(member.status in ENDED for member in members.values())
        return Standing(DONE if whole and ended else RESUME, folder)
    if run.status in ENDED:
        return Standing(DONE, folder)
    return Standing(RESUME, folder) if run.status in CUT_SHORT else Standing(NEW)


def same_code(run: Record) -> bool:
    """Whether every module that the run went through is as it was."""
    return all(sources.digest(module) == digest for module, digest in run.code.items())
