"""Where records lie under the output folder, and whether they are those that were read before."""

from __future__ import annotations

import os
from collections.abc import Iterator

from common.errors import UserError
from common.experiment.record import NAME

Stamp = list[int]
_Place = tuple[int, int]  # device and inode


def stamped(folder: str, above: frozenset[_Place] = frozenset()) -> Iterator[tuple[str, Stamp]]:
    """Folders with a record, each with what changes when the record is written anew or made
    readable: its size, times and inode.

    Nothing is looked for below a run's own folder. Links are followed, but not in a circle.

    Args:
        above: the folders that one came through.

    Raises:
        UserError: a folder cannot be read.
    """
    try:
        stat = os.stat(f"{folder}/{NAME}")
    except OSError:
        pass  # none, or one that its reader will complain of
    else:
        yield folder, [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]
        return
    try:
        here = os.stat(folder)
        entries = sorted(os.scandir(folder), key=lambda e: e.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise UserError(f"{folder} cannot be read ({error.strerror}).") from error
    place = (here.st_dev, here.st_ino)
    if place in above:
        return
    for entry in entries:
        if not entry.name.startswith(".") and _is_folder(entry):
            yield from stamped(entry.path, above | {place})


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False
