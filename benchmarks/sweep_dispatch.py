"""What a sweep costs beside its runs: planning, queueing, starting, reporting.

    python -m benchmarks.sweep_dispatch [jobs on SLURM, default 200; 0: none]

Two parts. Ten thousand jobs that are planned, de-duplicated and reported without running: their
records are generated. Then trivial jobs through an array of the SLURM cluster that is at hand: each
starts Python and PyTorch, opens a run, records it, and does nothing in between.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from hydra import initialize_config_dir
from rich.console import Console

from common.data.context import DataContext
from common.experiment.context import RunContext, TaskResult
from common.experiment.paths import conf_folder
from common.experiment.record import Record
from common.experiment.registration import register
from common.experiment.sweep import preflight, profiles, report, store
from common.experiment.sweep.planning import expand, plan
from common.experiment.sweep.states import States
from common.experiment.sweep.store import Note, Sweep

PLANNED = 10_000
ARGUMENTS = [
    "paper=s5_ptd",
    "task=layer_equivalence",
    "scale=smoke",
    "entry=benchmarks.sweep_dispatch.trivial",
]


def trivial(context: RunContext) -> TaskResult:
    """The task of the jobs on SLURM."""
    return TaskResult({"convolution_error": 0.0})


def main() -> None:
    """Measure and print."""
    register()
    with tempfile.TemporaryDirectory() as folder:
        planned(Path(folder))
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    for jobs in (count // 4, count) if count else ():
        with tempfile.TemporaryDirectory(dir=".") as folder:
            dispatched(jobs, Path(folder).resolve())


def planned(root: Path) -> None:
    """Ten thousand jobs that do not run."""
    console = Console(file=open(os.devnull, "w"))  # noqa: SIM115 - until the process ends
    arguments = ["task=lra/listops,lra/image", "scale=smoke", "train.epochs=1,2,3,4,5"]
    arguments.append(f"seed=range(0,{PLANNED // 10})")
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        jobs = timed(f"plan {PLANNED} jobs", lambda: plan(expand(arguments)))
    timed("refuse duplicates", lambda: preflight.refuse_duplicates(jobs))
    context = DataContext(root / "data", download=False)
    look = lambda: preflight.look(jobs, root, context, skip_done=True)  # noqa: E731
    found = timed("find out what there is: nothing", look)
    timed("show the plan", lambda: preflight.show(found, profiles.SlurmProfile(), console))
    sweep = Sweep(store.new_folder(root, jobs), tuple(jobs), "", profiles.LocalProfile(), root)
    timed("write the sweep", sweep.write)
    for job in jobs:
        folder = root / job.paper / job.task / f"20260101-000000-{job.config_hash}"
        folder.mkdir(parents=True)
        Record(
            job.paper,
            job.task,
            job.variant,
            job.scale,
            job.seed,
            "completed",
            metrics={"accuracy": 50.0 + job.seed % 7},
            config_hash=job.config_hash,
            code={"common.trainers.fit": "0" * 12},
            config={f"key{i}": i for i in range(150)},
        ).write(folder)
        sweep.keep(job.index, Note(folder=str(folder)))
    timed("find out what there is: 10,000 records", look)
    states = timed("states of all jobs", States(sweep).look)
    timed("report and results.csv", lambda: report.end(sweep, states, console))
    print(f"peak memory {peak():.0f} MB; torch imported: {'torch' in sys.modules}")


def dispatched(count: int, folder: Path) -> None:
    """Trivial jobs through an array."""
    command = [sys.executable, "-m", "common.experiment", "-m", *ARGUMENTS]
    command += [f"seed=range(0,{count})", f"output_root={folder}", "hydra/launcher=slurm"]
    command += ["hydra.launcher.cpus=1", "hydra.launcher.detach=true"]
    begin = time.time()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    queued = time.time() - begin
    parent = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    sweep = store.find(folder, None)
    looking = States(sweep)
    states = looking.look()
    while any(state.alive for state in states):
        time.sleep(2)
        states = looking.look()
    total = time.time() - begin
    (submission,) = (s for s in sweep.submissions() if s.indices)
    sizes = [p.stat().st_size for p in sweep.logs.glob("*_submitted.pkl")]
    print(f"\n{count} jobs, {report.tally(states)}")
    print(f"queued in {queued:.1f} s; parent {parent:.0f} MB; pickle {median(sizes):.0f} bytes")
    print(f"all ended after {total:.0f} s, {total / count:.2f} s a job")
    seconds = [state.record.wall_seconds for state in states if state.record]
    print(f"in the task itself {median(seconds) * 1e3:.0f} ms; {waits(submission.slurm)}")
    timed(f"collect {count} jobs", lambda: States(sweep).look())


def waits(slurm: str) -> str:
    """How long a job had its place in the cluster."""
    columns = ["sacct", "-X", "-n", "-P", "-j", slurm, "-o", "ElapsedRaw"]
    text = subprocess.run(columns, check=True, capture_output=True, text=True).stdout
    return f"a job occupied its CPU for {median(map(int, text.split())):.0f} s (median)"


def timed(name: str, act: Callable[[], Any]) -> Any:
    """Do it and say how long it took."""
    begin = time.perf_counter()
    result = act()
    print(f"{name}: {time.perf_counter() - begin:.2f} s")
    return result


def peak() -> float:
    """Largest resident size so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
