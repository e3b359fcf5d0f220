"""Typed configuration of a run: what every paper shares.

Only the standard library and Hydra's store are imported, so that a misspelt key is refused before
anything heavy loads. What a paper adds lives in ``papers/<id>/schema.py``; each such module has a
``register()`` that stores its dataclasses under ``schema/<id>/...``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING


@dataclass
class PaperConfig:
    """The method under test."""

    id: str = MISSING
    title: str = MISSING


@dataclass
class ScaleConfig:
    """smoke: every path runs; laptop: evidence in minutes; paper: the published setting."""

    name: str = MISSING


@dataclass
class TrainerConfig:
    """Hardware and loop settings that do not change what is computed.

    Attributes:
        accelerator: ``gpu`` (CUDA), ``cpu``, or ``auto``: the GPU if there is one.
        devices: number of devices (processes) of that kind, over all nodes.
        nodes: machines that they are dealt out to; more than one needs a scheduler.
        strategy: ``ddp``, a whole model in each process; ``fsdp``, a part of each parameter.
        precision: Lightning's name of the precision, for instance ``32-true`` or ``bf16-mixed``.
        threads: CPU threads of one process; 0 takes all that this process may use.
        checkpoint_every: optimiser steps between two checkpoints; 0 saves once an epoch.
        csv: write ``metrics.csv`` in the run folder.
        tensorboard: write TensorBoard events (extra ``tensorboard``).
        progress: progress bars; switched off by itself when the output is not a terminal.
        max_steps: stop training after that many optimiser steps in all; -1 never.
    """

    accelerator: str = "auto"
    devices: int = 1
    nodes: int = 1
    strategy: str = "ddp"
    precision: str = "32-true"
    threads: int = 0
    checkpoint_every: int = 0
    csv: bool = True
    tensorboard: bool = False
    progress: bool = True
    max_steps: int = -1


@dataclass
class DataConfig:
    """Where data come from and go to; never part of a run's identity.

    Attributes:
        root: folder of prepared data.
        local_source: folder of third-party files that no package carries; ``STRUCTLAB_DATA``.
        download: allow fetching what is not on disk.
        workers: processes that generate data; 0 takes as many as there are CPUs.
    """

    root: str = "data"
    local_source: str | None = None
    download: bool = True
    workers: int = 0


@dataclass
class TaskConfig:
    """What is measured.

    Attributes:
        name: as given on the command line, ``lra/listops``.
        metric: the metric that the summary shows, a key of the record's metrics.
        chance: its value for a uniform guess, in the metric's unit; none where that has no meaning.
        members: for a composite task the tasks it runs, one after the other.
        dataset: the data set's specification, one of ``common.data.specs``. A task that reads
            several has a field for each.
    """

    name: str = MISSING
    metric: str = "accuracy"
    chance: float | None = None
    members: list[str] = field(default_factory=list)
    dataset: Any = None


@dataclass
class RunConfig:
    """One run, or a composite (``task=lra``) of several."""

    paper: PaperConfig = field(default_factory=PaperConfig)
    task: TaskConfig = field(default_factory=TaskConfig)
    scale: ScaleConfig = field(default_factory=ScaleConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    data: DataConfig = field(default_factory=DataConfig)
    entry: str = MISSING  # the function that runs the task, as module.function
    variant: str = MISSING  # the row of the results table that this run belongs to
    published: float | None = None  # the paper's figure for this task and variant
    model: Any = None
    optimizer: Any = None
    train: Any = None
    table: Any = None  # hyperparameter tables that a recipe reads its values from
    seed: int = 0
    output_root: str = "outputs"
    resume: str | None = None  # a run folder to go on from
    dry: bool = False  # say what would run, and stop
    skip_done: bool = True  # in a sweep, leave alone what has been run with the present code


# Keys that say where and how, not what: two runs that differ only here are the same experiment.
VOLATILE = (
    "data",
    "output_root",
    "resume",
    "dry",
    "skip_done",
    "trainer.nodes",
    "trainer.strategy",
    "trainer.csv",
    "trainer.tensorboard",
    "trainer.progress",
    "trainer.checkpoint_every",
    "trainer.threads",
)


def register() -> None:
    """Store the schema of a run; called once before Hydra composes."""
    ConfigStore.instance().store(name="run_schema", node=RunConfig)
