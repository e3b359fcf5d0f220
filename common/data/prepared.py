"""Prepared sets on disk: one uncompressed .npz each, written atomically, verified on load.

A file holds the arrays and a manifest (JSON as bytes, so no pickles) with the SHA-256 of the
arrays' content. It carries neither times nor paths: the same spec gives the same bytes anywhere,
which is what lets DVC pin it.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from common.atomic import replacing
from common.data.context import DataContext
from common.errors import CorruptDataError, UserError

_MANIFEST = "manifest"
# What numpy, zipfile and json raise on an archive with flipped bits (an unknown compression, an
# encrypted member, a seek before the start, ...).
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    ValueError,
    KeyError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    TypeError,
    AttributeError,
)

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Prepared:
    """Arrays of a set, the facts stated about them, and the hash of their content."""

    arrays: Arrays
    facts: dict[str, Any]
    content_sha256: str


def content_sha256(arrays: Arrays) -> str:
    """SHA-256 over names, dtypes, shapes and little-endian bytes of `arrays`, in name order."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        little_endian = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        digest.update(f"{name}|{little_endian.dtype.str}|{array.shape}|".encode())
        digest.update(memoryview(little_endian).cast("B") if array.size else b"")
    return digest.hexdigest()


def spec_hash(spec: object, version: int) -> str:
    """Name of a prepared file: 16 hex digits over the spec and the version of its preparation."""
    text = json.dumps([type(spec).__name__, version, asdict(spec)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def key(folder: str, name: str) -> str:
    """What names a set everywhere: the path of its prepared file below the data root, no .npz."""
    return f"{folder}/{name}"


def prepared_path(context: DataContext, folder: str, name: str) -> Path:
    """Where the prepared set lies."""
    return context.root / f"{key(folder, name)}.npz"


def prepare(
    context: DataContext,
    folder: str,
    name: str,
    build: Callable[[], tuple[Arrays, dict[str, Any]]],
    *,
    scratch: Path | None = None,
) -> Prepared:
    """Read `root/<folder>/<name>.npz`, or build it once, whichever process comes first.

    A file whose content is not what its manifest promises is said to be so and built anew.
    `scratch`, the folder of unfinished blocks, is removed once the set is written.

    Raises:
        UserError: if the folder cannot be written.
    """
    path = prepared_path(context, folder, name)
    found = _read_or_announce(path, context)
    if found is not None:
        return found
    with exclusive(path.with_suffix(".lock")):
        # Another process may have built it while this one waited for the lock.
        found = _read_or_announce(path, context) if path.exists() else None
        if found is not None:
            return found
        arrays, facts = build()
        digest = write_npz(path, arrays, facts)
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)
    return Prepared(arrays, facts, digest)


def read_npz(path: Path) -> Prepared:
    """Read and verify a prepared file.

    Raises:
        CorruptDataError: if it is not a whole .npz or its content has another hash.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        manifest = json.loads(arrays.pop(_MANIFEST).tobytes())
        promised, facts = manifest["content_sha256"], manifest["facts"]
    except (*_DAMAGE, OSError) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise  # the disk's trouble or a missing permission, not the file's content
        raise CorruptDataError(
            f"{path} is not a whole prepared data file ({error}). Delete it; it will be made anew."
        ) from error
    if content_sha256(arrays) != promised:
        raise CorruptDataError(
            f"The content of {path} does not have the SHA-256 in its manifest. Delete it; it will "
            "be made anew."
        )
    return Prepared(arrays, facts, promised)


def write_npz(path: Path, arrays: Arrays, facts: dict[str, Any]) -> str:
    """Write so that `path` is at every moment absent, the old file or the whole new one.

    Returns:
        The SHA-256 of the content.
    """
    digest = content_sha256(arrays)
    manifest = json.dumps({"content_sha256": digest, "facts": facts}, sort_keys=True)
    encoded = np.frombuffer(manifest.encode(), dtype=np.uint8)
    with writable_folder(path.parent), replacing(path) as file:
        np.savez(file, **arrays, **{_MANIFEST: encoded})
    return digest


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock file `path`; the system releases it even if this process is killed."""
    with writable_folder(path.parent):
        file = open(path, "a")  # noqa: SIM115
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def writable_folder(folder: Path) -> Iterator[None]:
    """Make `folder`; turn a refusal of the file system into a message that says what to do.

    Raises:
        UserError: if the folder cannot be made or written, or the disk is full.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise UserError(
            f"Cannot write to the data folder {folder} ({error.strerror}). Free some space, make "
            "it writable or name another folder as the data root."
        ) from error


def _read_or_announce(path: Path, context: DataContext) -> Prepared | None:
    if not path.exists():
        return None
    try:
        return read_npz(path)
    except CorruptDataError:
        context.announce(f"{path} is damaged: making it anew.")
        return None
