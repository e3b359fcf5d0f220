"""Hydra's part: compose one job or many, hand each to the lifecycle, collect how they ended."""

from __future__ import annotations

import importlib
import traceback

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.types import RunMode
from omegaconf import DictConfig
from rich import get_console
from rich.console import Console

from common.errors import UserError
from common.experiment import processes, schema
from common.experiment import record as records
from common.experiment.composite import run_composite
from common.experiment.lifecycle import Outcome, is_composite, run_one
from common.experiment.paths import PAPERS, conf_folder
from common.experiment.searchpath import PaperSearchPath
from common.experiment.summary import show

FAILED_STATUSES = (records.FAILED, records.DIVERGED)


def register() -> None:
    """Make the papers' configs and all schemas known to Hydra."""
    Plugins.instance().register(PaperSearchPath)
    schema.register()
    for module in sorted(PAPERS.glob("*/schema.py")):
        importlib.import_module(f"papers.{module.parent.name}.schema").register()


def launch(arguments: list[str]) -> int:
    """Run what the command line asks for; returns the exit status."""
    register()
    # The one console that progress bars print above.
    console = get_console()
    console.quiet = not processes.is_main()
    ended: list[Outcome] = []
    refused: list[str] = []
    jobs: list[int] = []
    errors: list[Exception] = []

    def job(config: DictConfig) -> None:
        # Hydra would announce an exception in its own words before passing it on.
        try:
            jobs.append(_job(config, console, ended, refused))
        except Exception as error:
            errors.append(error)

    decorated = hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="config")
    decorated(job)()
    if errors:
        raise errors[0]
    if len(jobs) == 1:
        return jobs[0]
    also = f", {len(refused)} refused" if refused else ""
    show(console, ended, f"{len(jobs)} runs: {_tally(ended)}{also}")
    for line in refused:
        console.print(f"  refused: {line}", highlight=False, markup=False, soft_wrap=True)
    return 1 if any(jobs) else 0


def _job(config: DictConfig, console: Console, ended: list[Outcome], refused: list[str]) -> int:
    """One job of a sweep, or the only one; in a sweep the others go on whatever happens here.

    ``refused`` collects the jobs of a sweep that could not even open a folder.
    """
    overrides = list(HydraConfig.get().overrides.task)
    sweeping = HydraConfig.get().mode == RunMode.MULTIRUN

    def announce(member: DictConfig) -> None:
        console.rule(
            f"[bold]{member.paper.id} · {member.task.name} · {member.variant} · "
            f"{member.scale.name} · seed {member.seed}",
            align="left",
        )

    try:
        if config.trainer.devices > 1 and (sweeping or is_composite(config)):
            raise UserError(
                f"trainer.devices={config.trainer.devices} works for one task at a time; run the "
                "tasks of a sweep or of a composite one by one, or use trainer.devices=1."
            )
        if is_composite(config):
            whole, members = run_composite(config, overrides, console, announce)
            title = f"{config.paper.id} · {config.task.name} · {config.scale.name}"
            show(console, members, title)
            if whole.mistake is not None and not sweeping:
                raise whole.mistake
            if "average" in whole.record.metrics:
                console.print(f"  average {whole.record.metrics['average']:.2f}")
            console.print(f"  recorded in {whole.folder}", highlight=False)
            outcomes = [whole]
        else:
            announce(config)
            outcomes = [run_one(config, overrides, console)]
            if outcomes[0].mistake is not None and not sweeping:
                raise outcomes[0].mistake
            show(console, outcomes, f"{config.paper.id} · {config.scale.name}")
    except UserError as mistake:
        if not sweeping:
            raise
        refused.append(f"{' '.join(overrides)}: {mistake}")
        return 2
    except Exception:
        if not sweeping:
            raise
        refused.append(f"{' '.join(overrides)}: {traceback.format_exc()}")
        return 1
    ended.extend(outcomes)
    for outcome in outcomes:
        if outcome.record.traceback and outcome.mistake is None:
            console.print(outcome.record.traceback, highlight=False, markup=False, style="red")
    return max(_status(outcome) for outcome in outcomes)


def _status(outcome: Outcome) -> int:
    if outcome.record.status in FAILED_STATUSES:
        return 1
    return 2 if outcome.record.status == records.NOT_RUN else 0


def _tally(outcomes: list[Outcome]) -> str:
    statuses = [o.record.status for o in outcomes]
    return ", ".join(f"{statuses.count(s)} {s}" for s in dict.fromkeys(statuses)) or "none ran"
