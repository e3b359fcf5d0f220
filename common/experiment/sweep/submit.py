"""Jobs into the queue of a SLURM cluster, through submitit.

submitit writes the batch script and pickles which function to call; signals, requeueing and
results are this package's (``slurm_job``), and nothing is ever read back from a pickle.
"""

from __future__ import annotations

import os
import shlex
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from common.errors import UserError
from common.experiment.sweep import queue, slurm_job
from common.experiment.sweep.again import forget_the_end
from common.experiment.sweep.job import Job
from common.experiment.sweep.profiles import SlurmProfile
from common.experiment.sweep.store import Submission, Sweep

if TYPE_CHECKING:
    import submitit

# What the batch script does after srun: it asks in the place of a job that runs in a container.
_TEARDOWN = """\
status=$?
job=${{SLURM_ARRAY_JOB_ID:+${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID}}
job=${{job:-$SLURM_JOB_ID}}
if rm {folder}/requeue/$job 2>/dev/null && [ "$(squeue -h -j $job -o %T)" = RUNNING ]; then
    scontrol requeue $job
    sleep 60
fi
exit $status"""


def check() -> None:
    """Find out whether jobs could be queued from here.

    Raises:
        UserError: submitit is not installed, or this is no node of a cluster.
    """
    try:
        import submitit  # noqa: F401
    except ModuleNotFoundError:
        raise UserError(
            "hydra/launcher=slurm needs submitit: pip install 'structlab[cluster]'."
        ) from None
    for command in ("sbatch", "srun", "squeue", "scontrol"):
        if shutil.which(command) is None:
            raise UserError(
                f"There is no {command} here: this is not a node of a SLURM cluster. Use "
                "hydra/launcher=local, or log in to the cluster."
            )


def submit(sweep: Sweep, indices: Sequence[int], *, prepare: bool) -> list[Submission]:
    """Queue jobs, those that need the same resources as one array.

    Args:
        sweep: its profile must be a :class:`SlurmProfile`.
        indices: of the jobs.
        prepare: let them wait for a job that makes or fetches the data.

    Raises:
        UserError: the site refuses the job, or its controller is away.
    """
    profile = sweep.profile
    try:
        limit = profile.max_array_size or queue.max_array_size()
    except queue.NoAnswer as error:
        raise UserError(f"{error}. Nothing was queued; try again.") from None
    after = None
    if prepare:
        after = _submit_preparation(sweep, profile)
        sweep.add(Submission(after, [], time.time()))
    done: list[Submission] = []
    for shape, members in _shapes(sweep.jobs[i] for i in indices):
        for chunk in _chunks(members, limit):
            if sweep.cancelled.exists():
                return done
            arguments = [(str(sweep.folder), index) for index in chunk]
            notes = {index: sweep.note(index) for index in chunk}
            for index in chunk:
                forget_the_end(sweep, index)
            try:
                with _outside_of_jobs():
                    executor = _executor(sweep, profile, *shape, after)
                    jobs = executor.map_array(slurm_job.run, *zip(*arguments, strict=True))
            except Exception as error:
                for index, note in notes.items():
                    sweep.keep(index, note)
                queued = sum(len(submission.indices) for submission in done)
                raise UserError(_refused(error, queued)) from error
            submission = Submission(jobs[0].job_id.partition("_")[0], chunk, time.time())
            sweep.add(submission)
            done.append(submission)
    return done


def _submit_preparation(sweep: Sweep, profile: SlurmProfile) -> str:
    try:
        with _outside_of_jobs():
            executor = _executor(sweep, profile, 1, 1, None, gpus=0)
            return executor.submit(slurm_job.prepare, str(sweep.folder)).job_id
    except Exception as error:
        raise UserError(
            f"{_refused(error)} This was the job that prepares data, which asks for no GPU; "
            "hydra.launcher.prepare=here does without it."
        ) from error


@contextmanager
def _outside_of_jobs() -> Iterator[None]:
    """Without the variables of a job that this process is part of: sbatch would hand them on."""
    kept = dict(os.environ)
    if "SLURM_JOB_ID" in kept:
        for name in kept:
            if name.startswith(("SLURM_", "SLURMD_", "SRUN_")) and name != "SLURM_CONF":
                del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(kept)


def _shapes(jobs: Iterable[Job]) -> Iterator[tuple[tuple[int, int], list[int]]]:
    """Jobs by number of processes and of nodes."""
    found: dict[tuple[int, int], list[int]] = {}
    for job in jobs:
        found.setdefault((job.devices, job.nodes), []).append(job.index)
    yield from found.items()


def _chunks(indices: list[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(indices), size):
        yield indices[start : start + size]


def _executor(
    sweep: Sweep,
    profile: SlurmProfile,
    devices: int,
    nodes: int,
    after: str | None,
    gpus: int | None = None,
) -> submitit.SlurmExecutor:
    import submitit

    executor = submitit.SlurmExecutor(sweep.logs, max_num_timeout=0)
    tasks = devices // nodes
    gpus = profile.gpus if gpus is None else gpus
    wanted: dict[str, Any] = {
        "job_name": sweep.slurm_name,
        "partition": profile.partition,
        "account": profile.account,
        "qos": profile.qos,
        "constraint": profile.constraint,
        "gpus_per_node": gpus * tasks or None,
        "cpus_per_task": profile.cpus,
        "mem": profile.mem,
        "time": profile.time,
        "nodes": nodes,
        "ntasks_per_node": tasks,
        "array_parallelism": profile.parallel or 10**6,
        "signal_delay_s": profile.signal_lead,
        "setup": list(profile.setup) or None,
        "teardown": _TEARDOWN.format(folder=shlex.quote(str(sweep.folder))).splitlines(),
        # srun does not take this over from sbatch since SLURM 22.05.
        "srun_args": [f"--cpus-per-task={profile.cpus}", *profile.srun],
        # Any end of the preparation will do: a run makes what is still lacking, or says so.
        "dependency": after and f"afterany:{after}",
        "stderr_to_stdout": True,
        "additional_parameters": {"requeue": True, **profile.sbatch},
    }
    executor.update_parameters(**{key: value for key, value in wanted.items() if value is not None})
    return executor


def _refused(error: Exception, queued: int = 0) -> str:
    taken = f"took {queued} jobs and no more" if queued else "took no job"
    return (
        f"The cluster {taken}: {str(error).strip()}\nWhat your site asks for (partition, "
        "account, time, ...) belongs in conf/site/local.yaml; conf/site/example.yaml shows how."
    )
