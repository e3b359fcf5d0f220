"""What Hydra has to know before it composes: the papers' folders, and the schemas of all."""

from __future__ import annotations

import importlib

from hydra.core.plugins import Plugins

from common.experiment import schema, schema_groups
from common.experiment.paths import PAPERS
from common.experiment.searchpath import PaperSearchPath
from common.experiment.sweep import profiles


def register() -> None:
    """Make the papers' configs and all schemas known to Hydra."""
    Plugins.instance().register(PaperSearchPath)
    schema.register()
    schema_groups.register()
    profiles.register()
    for module in sorted(PAPERS.glob("*/schema.py")):
        importlib.import_module(f"papers.{module.parent.name}.schema").register()
