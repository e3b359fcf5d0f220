"""Several processes of one run (``trainer.devices`` > 1): which one is this, and where is the run?

Two ways to start them. On one machine Lightning runs the same command again with ``LOCAL_RANK``
set. On a SLURM cluster ``srun`` starts all at once, on one node or on several. Either way the first
opens the run's folder and records; the others join it and train.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from common.atomic import write_text
from common.errors import UserError

_RUN = "STRUCTLAB_RUN"
_MEETING_PLACE = ".processes"
_PATIENCE_SECONDS = 300.0


def started_by_slurm() -> bool:
    """Whether ``srun`` started several processes, of which this is one."""
    return int(os.environ.get("SLURM_STEP_NUM_TASKS", "1")) > 1


def rank() -> int:
    """0 in the process that records, 1, 2, ... in the others, over all nodes."""
    return int(os.environ.get("SLURM_PROCID" if started_by_slurm() else "LOCAL_RANK", "0"))


def is_main() -> bool:
    """Whether this process writes the record."""
    return rank() == 0


def share(folder: Path, resuming: bool, root: Path, digest: str) -> None:
    """Tell the other processes where the run is: those started from here on, and those that
    ``srun`` started with this one.

    Args:
        folder: the run's own.
        resuming: whether it holds an earlier attempt.
        root: ``output_root``.
        digest: hash of the run's configuration.
    """
    run = json.dumps({"folder": str(folder.resolve()), "resuming": resuming})
    os.environ[_RUN] = run
    if started_by_slurm():
        write_text(_note(root, digest), run)


def shared(root: Path, digest: str) -> tuple[Path, bool]:
    """The folder of the run that this process belongs to, and whether the run is resumed.

    Raises:
        UserError: the first process said nothing for five minutes.
    """
    if not started_by_slurm():
        return _read(os.environ[_RUN])
    note, deadline = _note(root, digest), time.monotonic() + _PATIENCE_SECONDS
    while not note.is_file():
        if time.monotonic() > deadline:
            raise UserError(
                f"Process {rank()} waited {_PATIENCE_SECONDS:.0f} s for {note}, which process 0 "
                "writes when it opens the run. Do all nodes see the same output_root?"
            )
        time.sleep(0.2)
    return _read(note.read_text())


def _read(run: str) -> tuple[Path, bool]:
    content = json.loads(run)
    return Path(content["folder"]), content["resuming"]


def _note(root: Path, digest: str) -> Path:
    """Where processes that share no parent but the scheduler meet. A job that was put back in the
    queue is another meeting."""
    job, step = os.environ["SLURM_JOB_ID"], os.environ["SLURM_STEP_ID"]
    restarts = os.environ.get("SLURM_RESTART_COUNT", "0")
    return Path(root) / _MEETING_PLACE / f"{job}.{step}-{restarts}-{digest}"
