"""Runs of the real command in a process of its own, for tests of what only a process can do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TINY = [
    "task=lra/listops",
    "scale=smoke",
    "trainer.threads=1",
    "trainer.checkpoint_every=1",
    "task.dataset.train=96",
    "train.epochs=3",
]


def run(
    arguments: list[str], folder: Path, *, prelude: str = "", timeout: float = 240
) -> subprocess.CompletedProcess:
    """``run.py`` with these arguments in ``folder``; ``prelude`` is Python that runs first."""
    return finish(start(arguments, folder, prelude=prelude), timeout)


def start(arguments: list[str], folder: Path, *, prelude: str = "") -> subprocess.Popen:
    """The same, not waited for."""
    code = f"{prelude}\nfrom common.experiment.cli import main\nmain()"
    environment = {k: v for k, v in os.environ.items() if k != "HYDRA_FULL_ERROR"}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen, timeout: float = 240) -> subprocess.CompletedProcess:
    """Wait for a started run."""
    out, err = process.communicate(timeout=timeout)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def run_folders(folder: Path, task: str = "lra/listops") -> list[Path]:
    """Run folders of a task, oldest first."""
    return sorted((folder / "outputs" / "s5_ptd" / task).iterdir())


def record(run_folder: Path) -> dict[str, Any]:
    """The record of a run."""
    return json.loads((run_folder / "record.json").read_text())


def measured(run_folder: Path) -> dict[str, float]:
    """Metrics without the times, which no two runs share."""
    return {k: v for k, v in record(run_folder)["metrics"].items() if "seconds" not in k}
