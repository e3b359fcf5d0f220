"""Sweeps on a real SLURM, and looking at how they get on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from common.experiment.sweep import store
from common.experiment.sweep.states import JobState, States
from common.experiment.sweep.store import Sweep
from tests.running import ROOT, record

# A minute on a core, with a checkpoint every second.
LONG = [
    "paper=s5_ptd",
    "task=lra/listops",
    "scale=smoke",
    "trainer=cpu",
    "trainer.threads=1",
    "trainer.checkpoint_every=5",
    "task.dataset.train=96",
    "train.epochs=250",
]
# Seconds, most of which are imports.
SHORT = [*LONG[:-1], "train.epochs=1"]
SLURM = [
    "hydra/launcher=slurm",
    "hydra.launcher.cpus=1",
    "hydra.launcher.poll=1",
    "hydra.launcher.partition=main",
]
DETACHED = [*SLURM, "hydra.launcher.detach=true"]
PATIENCE_SECONDS = 280


def environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k != "HYDRA_FULL_ERROR"}
    return kept | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "COLUMNS": "200"}


def begin(arguments: Sequence[str], folder: Path) -> subprocess.Popen:
    """``run.py`` in a process of its own session."""
    return subprocess.Popen(
        [sys.executable, str(ROOT / "run.py"), *arguments],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def call(arguments: Sequence[str], folder: Path, status: int | None = 0) -> str:
    """What it says, once it has ended with this exit status."""
    process = begin(arguments, folder)
    out, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert status is None or process.returncode == status, out
    return out


def submitted(arguments: Sequence[str], folder: Path) -> Sweep:
    """A sweep whose jobs are queued."""
    call(["-m", *DETACHED, *arguments], folder)
    return newest(folder)


def queued_by(parent: subprocess.Popen, folder: Path) -> Sweep:
    """The sweep of a command that waits for its jobs, once they are queued."""
    while not [p for p in folder.glob("outputs/sweeps/*/submissions.json") if _has_jobs(p)]:
        assert parent.poll() is None, parent.communicate()[0]
        time.sleep(0.05)
    return newest(folder)


def _has_jobs(submissions: Path) -> bool:
    return any(entry["indices"] for entry in json.loads(submissions.read_text()))


def newest(folder: Path) -> Sweep:
    """The sweep that was planned last."""
    return store.find(folder / "outputs", None)


def wait(sweep: Sweep, until: Callable[[list[JobState]], bool]) -> list[JobState]:
    """Look until it is so."""
    looking, deadline = States(sweep), time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        states = looking.look()
        if until(states):
            return states
        time.sleep(0.5)
    raise AssertionError(f"still {[(s.state, s.cause) for s in states]}")


def ended(states: Sequence[JobState]) -> bool:
    return not any(state.alive for state in states)


def under_way(state: JobState) -> bool:
    """Whether a job has something to lose."""
    return state.folder is not None and any(state.folder.glob("checkpoints/step-*.ckpt"))


def all_under_way(states: Sequence[JobState]) -> bool:
    return all(under_way(state) for state in states)


def result_of(arguments: Sequence[str], folder: Path) -> dict[str, Any]:
    """What one run comes to, without a cluster."""
    call(arguments, folder)
    (run,) = (folder / "outputs").glob("*/*/*/*/record.json")
    return result(run.parent)


def result(run: Path) -> dict[str, Any]:
    """Everything measured but the times."""
    content = record(run)
    assert content["status"] == "completed", content["reason"]
    timed = {k: v for k, v in content["metrics"].items() if "seconds" not in k}
    return {"metrics": timed, "curves": content["curves"], "best": (run / "best.pt").read_bytes()}


def runs_of(folder: Path) -> list[Path]:
    """Every run below ``outputs``."""
    return sorted(p.parent for p in (folder / "outputs").glob("s5_ptd/**/record.json"))
