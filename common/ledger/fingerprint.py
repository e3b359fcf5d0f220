"""Digests of the files that something was made from, to tell whether it must be made anew."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from pathlib import Path

from common.experiment.paths import COMMON, PAPERS, conf_folder


def of_files(files: Iterable[Path]) -> str:
    """SHA-256 over names and contents; a file that is not there counts as such."""
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(f"{file.parent.name}/{file.name}\0".encode())
        try:
            digest.update(hashlib.sha256(file.read_bytes()).digest())
        except FileNotFoundError:
            digest.update(b"none")
    return digest.hexdigest()


@cache
def of_folder(folder: Path) -> str:
    """Of the files that lie in a folder, compiled ones apart; taken once in a process."""
    files = folder.iterdir() if folder.is_dir() else ()
    return of_files(file for file in files if file.suffix != ".pyc" and file.is_file())


@cache
def of_recipes() -> str:
    """Of all that decides what a run is composed to: what Hydra reads, and the code that reads it.

    Taken once in a process; the same for all papers.
    """
    files = [*conf_folder().rglob("*.yaml"), *PAPERS.glob("*/configs/**/*.yaml")]
    files += [*PAPERS.glob("*/schema.py"), *COMMON.glob("**/schema.py")]
    files += [*COMMON.glob("data/specs/*.py"), *COMMON.glob("experiment/*.py")]
    files += [*COMMON.glob("ledger/*.py")]
    versions = [metadata.version(package) for package in ("hydra-core", "omegaconf")]
    return " ".join([of_files(set(files)), *versions])
