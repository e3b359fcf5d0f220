"""Run what one configuration asks for, a task or several, and show how it ended."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from common.errors import UserError
from common.experiment import record as records
from common.experiment.composite import run_composite
from common.experiment.lifecycle import Outcome, is_composite, run_one
from common.experiment.record import Record
from common.experiment.summary import show

FAILED_STATUSES = (records.FAILED, records.DIVERGED)


def perform(
    config: DictConfig,
    overrides: list[str],
    console: Console,
    opened: Callable[[Path], None] = lambda folder: None,
) -> Outcome:
    """Run it and return the outcome; ``opened`` hears of the run's folder.

    Raises:
        UserError: a mistake that was found before there was a folder.
        RunInterrupted: a signal came; the run has recorded it.
    """
    # Lightning's, on every login node; how processes are started is said in common/trainers.
    warnings.filterwarnings("ignore", ".*`srun` command is available.*")
    if is_composite(config):
        if config.trainer.devices > 1:
            raise UserError(
                f"trainer.devices={config.trainer.devices} works for one task at a time; run the "
                f"members of {config.task.name} one by one, or use trainer.devices=1."
            )
        outcome, members = run_composite(
            config, overrides, console, lambda member: _announce(member, console), opened
        )
        show(console, members, f"{config.paper.id} · {config.task.name} · {config.scale.name}")
        if "average" in outcome.record.metrics:
            console.print(f"  average {outcome.record.metrics['average']:.2f}")
        console.print(f"  recorded in {outcome.folder}", highlight=False)
    else:
        _announce(config, console)
        outcome = run_one(config, overrides, console, opened)
        show(console, [outcome], f"{config.paper.id} · {config.scale.name}")
    if outcome.record.traceback and outcome.mistake is None:
        console.print(outcome.record.traceback, highlight=False, markup=False, style="red")
    return outcome


def exit_status(record: Record) -> int:
    """0, 1 for a run that failed, 2 for one that lacked something."""
    if record.status in FAILED_STATUSES:
        return 1
    return 2 if record.status == records.NOT_RUN else 0


def _announce(config: DictConfig, console: Console) -> None:
    console.rule(
        f"[bold]{config.paper.id} · {config.task.name} · {config.variant} · "
        f"{config.scale.name} · seed {config.seed}",
        align="left",
    )
