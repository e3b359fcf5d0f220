"""Checkpoints that survive a kill: written beside, flushed, renamed; the last two are kept.

A file is a plain ``torch.save`` archive that loads with ``weights_only=True``. Archives are zip
files with a checksum for each member, so a file cut short or altered is noticed before it is used.
"""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO

from common.atomic import replacing
from common.errors import CorruptCheckpointError

FOLDER = "checkpoints"
KEPT = 2
_NAME = re.compile(r"step-(\d+)\.ckpt")


def checkpoint_path(folder: Path, step: int) -> Path:
    """Where the checkpoint after ``step`` optimiser steps lies."""
    return Path(folder) / FOLDER / f"step-{step:09d}.ckpt"


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints of a run folder, newest first."""
    found = [p for p in (Path(folder) / FOLDER).glob("step-*.ckpt") if _NAME.fullmatch(p.name)]
    return sorted(found, key=lambda p: int(_NAME.fullmatch(p.name).group(1)), reverse=True)


def verify(path: Path) -> None:
    """Check the whole file against its checksums.

    Raises:
        CorruptCheckpointError: naming the file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            bad = archive.testzip()
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        raise CorruptCheckpointError(f"Checkpoint {path} is corrupt ({error}).") from error
    if bad is not None:
        raise CorruptCheckpointError(f"Checkpoint {path} is corrupt (wrong checksum in {bad}).")


def newest_valid(folder: Path) -> Path | None:
    """The newest checkpoint of a run, None if it has none.

    Raises:
        CorruptCheckpointError: the newest is corrupt; the message offers the one before it.
    """
    found = checkpoints(folder)
    if not found:
        return None
    try:
        verify(found[0])
    except CorruptCheckpointError as error:
        raise CorruptCheckpointError(f"{error} {_offer(found[0], found[1:])}") from error
    return found[0]


def _offer(bad: Path, older: list[Path]) -> str:
    for path in older:
        try:
            verify(path)
        except CorruptCheckpointError:
            continue
        return f"{path} is intact: delete {bad.name} and resume again to go on from it."
    return "There is no intact one before it: start the run anew."


def prune(folder: Path) -> None:
    """Keep the last :data:`KEPT` checkpoints and no remains of an interrupted write."""
    for old in checkpoints(folder)[KEPT:]:
        old.unlink(missing_ok=True)
    for remains in (Path(folder) / FOLDER).glob(".*.tmp"):
        remains.unlink(missing_ok=True)


def save_atomically(content: dict[str, Any], path: Path) -> None:
    """``torch.save`` to a file that is never seen half-written.

    Raises:
        OSError: the disk is full or the folder cannot be written; ``path`` is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written through memory: onto a full disk torch's own writer fails with an internal error.
    buffer = io.BytesIO()
    torch.save(content, buffer)
    with replacing(path) as file:
        file.write(buffer.getbuffer())


class AtomicCheckpointIO(TorchCheckpointIO):
    """Lightning's checkpoint writer, made atomic, and its reader, made safe."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path, storage_options=None) -> None:
        save_atomically(checkpoint, Path(path))

    def load_checkpoint(self, path, map_location=None, weights_only=True) -> dict[str, Any]:
        verify(Path(path))
        return torch.load(path, map_location=map_location, weights_only=True)
