"""Hydra's door to sweeps: ``hydra/sweeper: structlab``, the default.

Hydra looks for sweepers in packages of this name only.
"""

from __future__ import annotations

from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class SweepPlugin(Sweeper):
    """Hands the arguments of ``-m`` on whole: the sweep is planned before a job starts.

    The task function must have a method ``sweep(arguments, config, launcher)``.
    """

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config

    def sweep(self, arguments: list[str]) -> None:
        self.task_function.sweep(arguments, self.config, self.config.hydra.launcher)
