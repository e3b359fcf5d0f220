"""Who is running what: locks that the system takes back when their holder dies."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from common.errors import UserError

NAME = ".lock"
_NO_LOCKS = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK)


@contextmanager
def holding(path: Path, patience: float = 1.0) -> Iterator[bool]:
    """Hold the lock file ``path`` for the block; gives False if another process does.

    Args:
        path: made if it is not there.
        patience: seconds; even a second is enough not to be mistaken by :func:`is_held`, which
            holds the lock for a moment to find out.

    Every holder sees the others of its machine, and of the others where the file system passes
    ``flock`` on: NFS does, Lustre if it was mounted with ``flock``; with ``local_lock`` or
    ``localflock`` each machine only sees itself.

    Raises:
        UserError: the file system keeps no locks.
    """
    deadline = time.monotonic() + patience
    with path.open("a") as file:
        while not (mine := _take(file, fcntl.LOCK_EX)) and time.monotonic() < deadline:
            time.sleep(0.05)
        if mine:
            file.truncate(0)
            file.write(_me())
            file.flush()
        yield mine


def is_held(path: Path) -> bool:
    """Whether a process that lives holds the lock."""
    try:
        with path.open() as file:
            return not _take(file, fcntl.LOCK_SH)
    except FileNotFoundError:
        return False


def is_held_by(path: Path, host: str, pid: int) -> bool:
    """Whether it is this process that holds the lock; never of one that had its number before."""
    return is_held(path) and path.read_text() == f"{host} {pid}"


def _me() -> str:
    return f"{socket.gethostname()} {os.getpid()}"


def _take(file: IO, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        raise UserError(
            f"The file system of {file.name} keeps no locks ({error.strerror}), without which two "
            "jobs could write into one run. Choose another with output_root=<folder>, or have it "
            "mounted with flock."
        ) from None
    return True
