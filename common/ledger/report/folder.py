"""A folder that a reader sees whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.errors import UserError

MARKER = ".structlab-report"
_TEXT = "Written by `python -m common.ledger report`, which replaces the whole folder.\n"


@contextmanager
def replacing_folder(target: Path) -> Iterator[Path]:
    """An empty folder to fill, beside ``target`` and swapped in for it at the end.

    If the block fails, ``target`` is as it was and nothing is left beside it.

    Raises:
        UserError: ``target`` is there and was not written by this function.
        OSError: the disk is full or the folder cannot be written.
    """
    target = target.resolve()
    _refuse(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    former = target.with_name(f".{target.name}.{os.getpid()}.old")
    try:
        fresh.mkdir()
        write(fresh / MARKER, _TEXT.encode())
        yield fresh
        _refuse(target)
        _swap(fresh, target, former)
    finally:
        for left in (fresh, former):
            shutil.rmtree(left, ignore_errors=True)


def write(path: Path, content: bytes) -> None:
    """A file, on the disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _swap(fresh: Path, target: Path, former: Path) -> None:
    there = target.exists()
    if there:
        target.rename(former)
    try:
        fresh.rename(target)
    except OSError:
        if there:
            former.rename(target)
        raise


def _refuse(target: Path) -> None:
    if not target.exists() or (target / MARKER).is_file():
        return
    if target.is_dir() and not any(target.iterdir()):
        return
    raise UserError(
        f"{target} is there and was not written by `python -m common.ledger report` (it has no "
        f"{MARKER}); it is left as it is. Name another folder with --to, or remove this one."
    )
