"""Where the configuration files lie, in a checkout and in an installed copy."""

from __future__ import annotations

from pathlib import Path

import common
import papers

COMMON = Path(common.__file__).parent
PAPERS = Path(papers.__file__).parent


def conf_folder() -> Path:
    """The folder of ``config.yaml``: ``conf/`` in a checkout, ``common/conf`` when installed."""
    installed = COMMON / "conf"
    return installed if installed.is_dir() else COMMON.parent / "conf"


def paper_config_folders() -> list[Path]:
    """Every ``papers/<id>/configs``, sorted by paper."""
    return sorted(PAPERS.glob("*/configs"))
