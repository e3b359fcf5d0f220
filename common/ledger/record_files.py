"""Where records lie under the output folder, and whether they are those that were read before."""

from __future__ import annotations

import os
from collections.abc import Iterator

from common.experiment.record import NAME

Stamp = list[int]


def stamped(folder: str) -> Iterator[tuple[str, Stamp]]:
    """Folders with a record, each with what changes when the record is written anew: its size, time
    and inode. Nothing is looked for below a run's own folder."""
    try:
        stat = os.stat(f"{folder}/{NAME}")
    except (FileNotFoundError, NotADirectoryError):
        pass
    else:
        yield folder, [stat.st_size, stat.st_mtime_ns, stat.st_ino]
        return
    try:
        entries = sorted(os.scandir(folder), key=lambda e: e.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if entry.is_dir() and not entry.name.startswith("."):
            yield from stamped(entry.path)
