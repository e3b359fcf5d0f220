"""Who is running what: locks that the system takes back when their holder dies."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = ".lock"


@contextmanager
def holding(path: Path) -> Iterator[bool]:
    """Hold the lock file ``path`` for the block; gives False, at once, if another process does.

    Every holder sees the others of its file system; those of a network file system too, where it
    passes ``flock`` on (NFS 4 and Lustre do unless told otherwise).
    """
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def is_held(path: Path) -> bool:
    """Whether a process that lives holds the lock."""
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
