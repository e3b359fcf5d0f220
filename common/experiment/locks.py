"""Who is running what: locks that the system takes back when their holder dies."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

NAME = ".lock"


@contextmanager
def holding(path: Path, patience: float = 1.0) -> Iterator[bool]:
    """Hold the lock file ``path`` for the block; gives False if another process does.

    Args:
        path: made if it is not there.
        patience: seconds; even a second is enough not to be mistaken by :func:`is_held`, which
            holds the lock for a moment to find out.

    Every holder sees the others of its file system; those of a network file system too, where it
    passes ``flock`` on (NFS 4 and Lustre do unless told otherwise).
    """
    deadline = time.monotonic() + patience
    with path.open("a") as file:
        while not (mine := _take(file, fcntl.LOCK_EX)) and time.monotonic() < deadline:
            time.sleep(0.05)
        yield mine


def is_held(path: Path) -> bool:
    """Whether a process that lives holds the lock."""
    try:
        with path.open() as file:
            return not _take(file, fcntl.LOCK_SH)
    except FileNotFoundError:
        return False


def _take(file: IO, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
