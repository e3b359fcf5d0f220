"""Claims' runs as one sweep: on a cluster, or wherever ``hydra/launcher`` sends them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from rich.console import Console

from common.errors import UserError
from common.experiment.messages import explain
from common.experiment.paths import conf_folder
from common.experiment.registration import register
from common.experiment.sweep import planning, profiles, start
from common.ledger.planned_run import PlannedRun


def send(
    runs: Sequence[PlannedRun],
    launcher: str,
    options: Sequence[str],
    outputs: Path,
    console: Console,
    *,
    dry: bool = False,
) -> int:
    """Run them as a sweep, which leaves alone what is done and goes on with what was cut short.

    Args:
        runs: of the claims.
        launcher: option of ``hydra/launcher``.
        options: more overrides, ``hydra.launcher.partition=gpu``.
        outputs: where run folders go.
        console: for the table of jobs and how they get on.
        dry: only show what would run.

    Returns:
        Exit status of the sweep: 0 if every run was completed, or queued and left alone.

    Raises:
        UserError: no such launcher or option, or it does not work here.
    """
    for option in options:
        if not option.startswith(("hydra.launcher.", "site@hydra.launcher=")):
            raise UserError(
                f"--launcher-option {option} is none of the launcher's; allowed: "
                "hydra.launcher.<key>=<value>, site@hydra.launcher=<file of conf/site>. What a "
                "claim's runs are is said by the claim."
            )
    register()
    overrides = [f"hydra/launcher={launcher}", *options]
    distinct = {run.config_hash: tuple(run.arguments) for run in runs}
    try:
        with initialize_config_dir(str(conf_folder()), version_base="1.3"):
            config = compose("config", overrides=overrides, return_hydra_config=True)
            profile = profiles.of(config.hydra.launcher)
            data = OmegaConf.to_container(config.data, resolve=True)
            jobs = planning.plan(distinct.values())
    except UserError:
        raise
    except Exception as error:
        raise UserError(explain(error, overrides) or str(error)) from error
    return start.run(jobs, profile, outputs.resolve(), data, console, dry=dry)
