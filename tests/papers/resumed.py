"""A training killed in its second epoch and resumed, beside one that nothing disturbed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.running import measured, run

KILL = """
import os, signal
from common.trainers.callbacks import ResumableState

done = ResumableState.on_train_batch_end
steps = 0

def kill(self, trainer, *rest):
    global steps
    done(self, trainer, *rest)
    steps += 1
    if steps == {step}:
        os.kill(os.getpid(), signal.SIGKILL)

ResumableState.on_train_batch_end = kill
"""


def both(paper: str, task: str, arguments: list[str], step: int, folder: Path) -> list[Any]:
    """Metrics without times of the undisturbed and of the resumed run, killed after ``step`` steps
    of all its trainings together."""
    arguments = [
        f"paper={paper}",
        f"task={task}",
        "scale=smoke",
        "trainer.threads=1",
        "trainer.checkpoint_every=1",
        *arguments,
    ]
    found = []
    for name, prelude in (("whole", ""), ("killed", KILL.format(step=step))):
        place = folder / name
        place.mkdir()
        done = run(arguments, place, prelude=prelude)
        (run_folder,) = (place / "outputs" / paper / task).iterdir()
        if prelude:
            assert done.returncode == -9, done.stderr
            done = run([*arguments, f"resume={run_folder}"], place)
        assert done.returncode == 0, done.stderr
        found.append(measured(run_folder))
    return found
