"""Where the jobs of a sweep run: typed options of ``hydra/launcher``."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from common.errors import UserError

PREPARE = ("job", "here", "no")
# Options of sbatch by which sweeps are led.
_OURS = ("job_name", "array", "dependency", "signal", "output", "error", "requeue", "no_requeue")


@dataclass
class BasicProfile:
    """One job after the other, in this process."""

    kind: str = "basic"


@dataclass
class LocalProfile:
    """Processes on this machine.

    Attributes:
        jobs: how many at a time; 0 takes as many as there are CPUs for their threads.
        threads: CPU threads of each, unless ``trainer.threads`` says otherwise.
    """

    kind: str = "local"
    jobs: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        _at_least(self, jobs=0, threads=1)


@dataclass
class SlurmProfile:
    """Jobs of a SLURM cluster, in arrays.

    A run of ``trainer.devices`` processes on ``trainer.nodes`` nodes is one job of as many tasks.
    What a site asks for belongs in ``conf/site/``, which is not part of the repository.

    Attributes:
        partition: where to queue; None leaves it to the site.
        account: who pays.
        qos: quality of service.
        constraint: features that a node must have.
        gpus: GPUs of one task.
        cpus: CPUs of one task, and its threads unless ``trainer.threads`` says otherwise.
        mem: memory of a node, ``16G``.
        time: minutes until a job is stopped. A run that is not finished is put back in the queue.
        parallel: how many jobs of an array run at once; 0 as many as there is room for.
        signal_lead: seconds before the limit at which a run is told to save and stop.
        requeues: how often a run may reach the time limit; preemption does not count.
        setup: shell lines before the run, ``module load cuda``.
        srun: more options of ``srun``, for instance those that name a container's image.
        sbatch: more options of ``sbatch``, as name: value; ``exclusive: true`` for one without.
        prepare: who makes or fetches data: a ``job`` that the others wait for; ``here``, before
            anything is queued, where compute nodes reach no network; or ``no``, each run itself.
        detach: leave once the jobs are queued.
        poll: seconds between two looks at the queue.
        max_array_size: largest array; 0 asks the site.
    """

    kind: str = "slurm"
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    gpus: int = 0
    cpus: int = 4
    mem: str | None = None
    time: int = 240
    parallel: int = 256
    signal_lead: int = 120
    requeues: int = 20
    setup: list[str] = field(default_factory=list)
    srun: list[str] = field(default_factory=list)
    sbatch: dict[str, Any] = field(default_factory=dict)
    prepare: str = "job"
    detach: bool = False
    poll: float = 10.0
    max_array_size: int = 0

    def __post_init__(self) -> None:
        _at_least(self, gpus=0, cpus=1, time=1, parallel=0, requeues=0, poll=0.1, max_array_size=0)
        if self.prepare not in PREPARE:
            raise UserError(
                f"hydra.launcher.prepare={self.prepare!r} is unknown; allowed: "
                f"{', '.join(PREPARE)}."
            )
        for key in self.sbatch:
            if key.replace("-", "_") in _OURS:
                raise UserError(f"hydra.launcher.sbatch: {key} is what the sweep itself sets.")
        if not 0 < self.signal_lead < 60 * self.time:
            raise UserError(
                f"hydra.launcher.signal_lead={self.signal_lead} s leaves a job of "
                f"hydra.launcher.time={self.time} min no time; allowed: more than 0, less than "
                f"{60 * self.time}."
            )


def _at_least(profile: Any, **bounds: float) -> None:
    for key, bound in bounds.items():
        value = getattr(profile, key)
        if value < bound:
            raise UserError(f"hydra.launcher.{key}={value} is out of range; allowed: {bound} up.")


Profile = BasicProfile | LocalProfile | SlurmProfile
_KINDS: dict[str, type[Any]] = {
    "basic": BasicProfile,
    "local": LocalProfile,
    "slurm": SlurmProfile,
}


def register() -> None:
    """Store the schemas that the files in ``conf/hydra/launcher`` start from."""
    store = ConfigStore.instance()
    store.store(group="schema/launcher", name="local", node=LocalProfile)
    store.store(group="schema/launcher", name="slurm", node=SlurmProfile)


def of(launcher: DictConfig) -> Profile:
    """The profile that ``hydra/launcher=`` chose; Hydra's own ``basic`` among them.

    Raises:
        UserError: it is another library's launcher, or a value is out of range.
    """
    if "kind" not in launcher:
        if str(launcher.get("_target_", "")).endswith(".BasicLauncher"):
            return BasicProfile()
        raise UserError(
            f"hydra/launcher {launcher.get('_target_')!r} is unknown; allowed: basic, local, "
            "slurm, slurm_debug."
        )
    return parse(OmegaConf.to_container(launcher, resolve=True))


def parse(content: dict[str, Any]) -> Profile:
    """A profile from what :func:`dump` gave."""
    return _KINDS[content["kind"]](**content)


def dump(profile: Profile) -> dict[str, Any]:
    """As plain containers."""
    return asdict(profile)
