"""The sets that a run reads, told from its configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omegaconf import DictConfig, OmegaConf

if TYPE_CHECKING:
    from common.data.specs.base import DataSpec


def datasets(task: DictConfig) -> list[DataSpec]:
    """Every set that a task names: its ``dataset``, and what it has beside (trained weights).

    Args:
        task: the section of a composed configuration.
    """
    nodes = [task.get(key) for key in task if OmegaConf.is_dict(task.get(key))]
    return [OmegaConf.to_object(n) for n in nodes if hasattr(OmegaConf.get_type(n), "LOADER")]
