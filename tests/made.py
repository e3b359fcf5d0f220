"""Jobs, runs and sweeps as they lie on disk, for tests that need not run them."""

from __future__ import annotations

from pathlib import Path

from common.experiment import sources
from common.experiment.record import Record
from common.experiment.sweep import profiles, store
from common.experiment.sweep.job import Job
from common.experiment.sweep.store import Sweep

MODULE = "common.trainers.fit"
CODE = {MODULE: sources.digest(MODULE)}


def job(index: int = 0, **changes) -> Job:
    fields = {
        "index": index,
        "overrides": (f"seed={index}",),
        "paper": "p",
        "task": "t",
        "variant": "v",
        "scale": "smoke",
        "seed": index,
        "config_hash": f"{index:012x}",
    }
    return Job(**fields | changes)


def a_run(root: Path, of: Job, name: str, status: str, code: dict[str, str] = CODE, **more) -> Path:
    folder = root / of.paper / of.task / f"20260101-{name}-{of.config_hash}"
    folder.mkdir(parents=True)
    told = {"config_hash": of.config_hash, "code": code, "status": status} | more
    Record(of.paper, of.task, of.variant, of.scale, of.seed, **told).write(folder)
    return folder


def a_sweep(root: Path, jobs: list[Job], **more) -> Sweep:
    made = Sweep(
        store.new_folder(root, jobs),
        tuple(jobs),
        "run.py -m",
        profiles.LocalProfile(),
        root,
        **more,
    )
    made.write()
    return made
