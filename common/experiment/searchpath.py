"""Hydra finds each paper's configs without a list of papers anywhere."""

from __future__ import annotations

from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin

from common.experiment.paths import paper_config_folders


class PaperSearchPath(SearchPathPlugin):
    """Adds every ``papers/*/configs`` to the search path."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        for folder in paper_config_folders():
            search_path.append(provider=folder.parent.name, path=f"file://{folder}")
