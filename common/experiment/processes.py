"""Several processes of one run (``trainer.devices`` > 1): which one is this, and where is the run?

Lightning starts the others by running the same command again with ``LOCAL_RANK`` set. They join the
folder that the first one opened, train, and leave recording to it.
"""

from __future__ import annotations

import os
from pathlib import Path

_FOLDER = "STRUCTLAB_RUN_FOLDER"


def rank() -> int:
    """0 in the process that the user started, 1, 2, ... in those it started."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def is_main() -> bool:
    """Whether this process writes the record."""
    return rank() == 0


def share(folder: Path) -> None:
    """Tell processes started from here on where the run is."""
    os.environ[_FOLDER] = str(folder.resolve())


def shared_folder() -> Path:
    """The folder of the run that this process was started for."""
    return Path(os.environ[_FOLDER])
