"""From the arguments of ``-m`` to jobs that run, here or on a cluster."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from common.errors import UserError
from common.experiment import locks
from common.experiment import record as records
from common.experiment.interruption import StopRequest
from common.experiment.provenance import code_version
from common.experiment.sweep import data, preflight, report, store
from common.experiment.sweep.again import forget_the_end
from common.experiment.sweep.data import context_of
from common.experiment.sweep.job import Job
from common.experiment.sweep.planning import expand, plan
from common.experiment.sweep.profiles import BasicProfile, LocalProfile, Profile, SlurmProfile
from common.experiment.sweep.states import States
from common.experiment.sweep.store import Sweep
from common.experiment.sweep.watch import follow

_OWN = ("dry", "skip_done", "output_root", "resume")


def sweep(arguments: list[str], config: DictConfig, profile: Profile, console: Console) -> int:
    """Plan a sweep, show the plan, run what is missing; returns the exit status.

    Raises:
        UserError: a mistake in the arguments, or a launcher that does not work here.
    """
    _refuse_swept(arguments)
    kept = [a for a in arguments if not _is_own(a)]
    jobs = plan(expand(kept))
    options = OmegaConf.to_container(config.data, resolve=True)
    return run(
        jobs,
        profile,
        Path(config.output_root).resolve(),
        options,
        console,
        skip_done=config.skip_done,
        dry=config.dry,
    )


def run(
    jobs: Sequence[Job],
    profile: Profile,
    root: Path,
    data_options: dict[str, Any],
    console: Console,
    *,
    skip_done: bool = True,
    dry: bool = False,
) -> int:
    """Run jobs that are planned; returns the exit status: 0 if all have been completed."""
    preflight.refuse_duplicates(jobs)
    _refuse_processes(jobs, profile)
    found = preflight.look(jobs, root, context_of(data_options), skip_done=skip_done)
    preflight.show(found, profile, console)
    if dry:
        return 0
    if found.to_run:
        _refuse_cluster(profile)
    made = Sweep(
        store.new_folder(root, jobs) if found.to_run else root / store.SWEEPS / "none",
        tuple(jobs),
        _command(),
        profile,
        Path.cwd(),
        skip_done,
        found.done,
        found.elsewhere,
        data.dump(spec for spec, _ in found.lacking),
        data_options,
        code_version()["commit"],
    )
    if not found.to_run:
        return _end(made, console)
    made.write()
    console.print(f"  sweep {made.name}", highlight=False)
    return start(made, found.to_run, console)


def start(sweep: Sweep, indices: Sequence[int], console: Console) -> int:
    """Run jobs of a sweep and wait for them, unless its profile says to leave them alone.

    Raises:
        UserError: another process is starting jobs of this sweep, or the cluster takes none.
    """
    _refuse_cluster(sweep.profile)
    with locks.holding(sweep.parent) as alone:
        if not alone:
            raise UserError(f"Another process is starting jobs of {sweep.name} right now.")
        sweep.cancelled.unlink(missing_ok=True)
        os.chdir(sweep.directory)
        if isinstance(sweep.profile, SlurmProfile):
            _queue(sweep, indices, console)
        else:
            _run_here(sweep, indices, console)
    if not isinstance(sweep.profile, SlurmProfile):
        return _end(sweep, console)
    if sweep.profile.detach:
        _say_how_to_watch(sweep, console)
        return 0
    return follow(sweep, console)


def _run_here(sweep: Sweep, indices: Sequence[int], console: Console) -> None:
    from common.experiment.sweep.pool import run_here, run_processes

    for index in indices:
        forget_the_end(sweep, index)
    if isinstance(sweep.profile, BasicProfile):
        with StopRequest().listening():
            run_here(sweep, indices, console)
    else:
        run_processes(sweep, indices, console)


def _queue(sweep: Sweep, indices: Sequence[int], console: Console) -> None:
    from common.experiment.sweep.submit import submit

    prepare = sweep.profile.prepare if sweep.data else "no"
    if prepare == "here":
        data.prepare(sweep, console)
    for submission in submit(sweep, indices, prepare=prepare == "job"):
        console.print(
            f"  {len(submission.indices)} jobs queued as {submission.slurm}", highlight=False
        )


def _say_how_to_watch(sweep: Sweep, console: Console) -> None:
    console.print(
        f"  {store.command('watch', sweep)} shows how they get on, collect what they measured",
        highlight=False,
        soft_wrap=True,
    )


def _is_own(argument: str) -> bool:
    """Whether an argument is about the sweep, not about its jobs."""
    key = argument.partition("=")[0]
    return key in _OWN or key.partition("@")[2].startswith("hydra")


def _command() -> str:
    """As it was typed."""
    path = Path(sys.argv[0])
    name = path.name if path.name != "__main__.py" else f"python -m common.{path.parent.name}"
    return f"{name} {shlex.join(sys.argv[1:])}"


def _end(sweep: Sweep, console: Console) -> int:
    states = States(sweep).look()
    report.end(sweep, states, console)
    return 0 if all(state.state == records.COMPLETED for state in states) else 1


def _refuse_swept(arguments: Sequence[str]) -> None:
    for argument in arguments:
        key, _, value = argument.partition("=")
        if key == "resume":
            raise UserError("resume= is for one run; a sweep resumes its runs by itself.")
        if key in _OWN and "," in value:
            raise UserError(f"{key} has one value in a sweep; given: {value}.")


def _refuse_cluster(profile: Profile) -> None:
    if isinstance(profile, SlurmProfile):
        from common.experiment.sweep.submit import check

        check()


def _refuse_processes(jobs: Sequence[Job], profile: Profile) -> None:
    several = next((job for job in jobs if job.devices > 1), None)
    if several is not None and isinstance(profile, BasicProfile | LocalProfile):
        raise UserError(
            f"trainer.devices={several.devices} works for one task at a time; run the tasks of a "
            "sweep one by one, with hydra/launcher=slurm, or with trainer.devices=1."
        )
