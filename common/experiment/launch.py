"""Hydra's part: compose what the command line asks for, one run or a sweep, and hand it on."""

from __future__ import annotations

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from rich import get_console
from rich.console import Console

from common.errors import UserError
from common.experiment import processes, registry
from common.experiment.messages import unknown
from common.experiment.paths import conf_folder
from common.experiment.perform import exit_status, perform
from common.experiment.registration import register
from common.experiment.sweep import profiles


def launch(arguments: list[str]) -> int:
    """Run what the command line asks for; returns the exit status."""
    _refuse_what_would_do_nothing(arguments)
    register()
    # The one console that progress bars print above.
    console = get_console()
    console.quiet = not processes.is_main()
    asked = _Asked(console)
    hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="config")(asked)()
    if asked.error is not None:
        raise asked.error
    return asked.status


def _refuse_what_would_do_nothing(arguments: list[str]) -> None:
    """Options of Hydra's own that change nothing here, and a site's file that is not there: Hydra
    takes them without a word."""
    for argument in arguments:
        key, _, value = argument.partition("=")
        # Lightning adds hydra.run.dir to the command by which it starts the other processes.
        if key.startswith(("hydra.run.", "hydra.sweep.")) and processes.is_main():
            raise UserError(f"{key} has no effect: runs lie below output_root=<folder>.")
        if key == "hydra/sweeper" and value != "structlab":
            raise UserError(
                f"hydra/sweeper={value} is unknown; allowed: structlab, which plans a sweep whole."
            )
        if key == "site@hydra.launcher" and value not in (sites := registry.sites()):
            raise UserError(unknown("file of conf/site", value, sites))


class _Asked:
    """What Hydra calls with the composed configuration of one run, or our sweeper
    (``hydra_plugins.structlab_sweeper``) with the arguments of a sweep.

    Exceptions are kept: Hydra would announce them in its own words before passing them on.
    """

    def __init__(self, console: Console):
        self.console = console
        self.status = 0
        self.error: Exception | None = None

    def __call__(self, config: DictConfig) -> None:
        overrides = list(HydraConfig.get().overrides.task)
        if config.dry:
            self.sweep(overrides, config, HydraConfig.get().launcher)
            return
        try:
            outcome = perform(config, overrides, self.console)
            if outcome.mistake is not None:
                raise outcome.mistake
            self.status = exit_status(outcome.record)
        except Exception as error:
            self.error = error

    def sweep(self, arguments: list[str], config: DictConfig, launcher: DictConfig) -> None:
        """Run the product of all values that the arguments list."""
        from common.experiment.sweep.start import sweep

        try:
            self.status = sweep(arguments, config, profiles.of(launcher), self.console)
        except Exception as error:
            self.error = error
