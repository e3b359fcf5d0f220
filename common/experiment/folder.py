"""A run's own folder: never shared, never overwritten."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from common.errors import UserError


def open_run_folder(root: Path, paper: str, task: str, digest: str) -> Path:
    """Create ``<root>/<paper>/<task>/<date-time>-<hash>``.

    The folder is created exclusively: of two runs started in the same second the later one gets a
    suffix ``-2``, ``-3``, ...

    Raises:
        UserError: the place cannot be written.
    """
    parent = Path(root) / paper / task
    stem = f"{datetime.now():%Y%m%d-%H%M%S}-{digest}"
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for attempt in range(1, 1000):
            folder = parent / (stem if attempt == 1 else f"{stem}-{attempt}")
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            return folder
    except OSError as error:
        raise UserError(
            f"Cannot write run folders under {parent} ({error.strerror}). "
            "Choose another place with output_root=<folder>."
        ) from error
    raise UserError(f"{parent} holds 1000 runs started in this second; choose another output_root.")
