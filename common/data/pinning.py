"""Prepared files against the versions that are pinned: what an entry says, and what differs."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from pathlib import Path

from common.data.licences import sources_of
from common.data.pins import FOLDER, Entry, entries
from common.data.prepared import read_npz
from common.data.specs import DataSpec
from common.errors import CorruptDataError


def file_of(root: Path, key: str) -> Path:
    """The prepared file of a key."""
    return root / f"{key}.npz"


def entry(root: Path, key: str, spec: DataSpec) -> Entry:
    """What ``data.dvc`` says of a prepared file.

    Raises:
        CorruptDataError: its content is not what its manifest promises.
    """
    path = file_of(root, key)
    origin = sources_of(spec)[0]
    digest = read_npz(path).content_sha256
    with path.open("rb") as file:
        md5 = hashlib.file_digest(file, "md5").hexdigest()
    return {
        "md5": md5,
        "size": path.stat().st_size,
        "hash": "md5",
        "path": f"{FOLDER}/{key}.npz",
        "desc": _description(origin.name, key, spec),
        "meta": {
            "content_sha256": digest,
            "name": origin.name,
            "generated": origin.generated,
        },
    }


def differences(root: Path, pins_file: Path) -> list[str]:
    """A sentence for each pinned set that is not here as pinned; every content is hashed anew."""
    found = []
    for key, pinned in entries(pins_file).items():
        path, wanted = file_of(root, key), pinned["meta"]["content_sha256"]
        if not path.exists():
            found.append(f"{key} is pinned but {path} does not exist: prepare it or dvc pull.")
            continue
        try:
            digest = read_npz(path).content_sha256
        except CorruptDataError as error:
            found.append(f"{key}: {error}")
            continue
        if digest != wanted:
            found.append(
                f"{key}: the content has SHA-256 {digest[:16]}, pinned is {wanted[:16]}. Restore "
                "it (delete it and prepare it again, or dvc checkout), or accept it with "
                "python -m common.data pin."
            )
    return found


def _description(name: str, key: str, spec: DataSpec) -> str:
    if key.endswith("/decoded"):
        return f"{name}, decoded; every spec of it is read from this file"
    changed = [
        f"{field.name}={getattr(spec, field.name)}"
        for field in fields(spec)
        if getattr(spec, field.name) != field.default
    ]
    return f"{name}: {', '.join(changed) or 'as published'}"
