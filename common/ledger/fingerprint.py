"""Digests of what verdicts are reached from: configurations, and the code that composes, runs and
judges.

Digests of the checkout are taken once in a process. Whoever keeps something under them asks
``unchanged`` after he has made it, and keeps nothing if a file was edited since.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from pathlib import Path

from common.experiment.paths import COMMON, PAPERS, conf_folder

_COMPOSING = (
    "identity.py",
    "paths.py",
    "registration.py",
    "schema.py",
    "searchpath.py",
    "sources.py",
)


def of_files(files: Iterable[Path], root: Path) -> str:
    """SHA-256 over contents and places, which are told from ``root``; a file that is not there
    counts as such."""
    digest = hashlib.sha256()
    for file in sorted(set(files)):
        digest.update(f"{os.path.relpath(file, root)}\0".encode())
        try:
            digest.update(hashlib.sha256(file.read_bytes()).digest())
        except FileNotFoundError:
            digest.update(b"none")
    return digest.hexdigest()


@cache
def of_packages(package: Path) -> dict[str, str]:
    """Folder -> digest of the files in it, for a package (``""``) and all within it.

    Compiled files do not count. A package inside counts in its parent too, since it goes before a
    module of the same name.
    """
    _remember(package)
    found = {}
    for place, folders, names in os.walk(package):
        folder = Path(place)
        files = [folder / name for name in names if not name.endswith(".pyc")]
        inside = [folder / name / "__init__.py" for name in folders]
        files += [file for file in inside if file.is_file()]
        name = "" if folder == package else folder.relative_to(package).as_posix()
        found[name] = of_files(files, folder)
    return found


@cache
def of_recipes(paper: str) -> str:
    """Of all that decides what a paper's runs are composed to: what Hydra reads, and the code that
    reads it.

    Of other papers' options only the names count: a paper composes from its own and the shared.
    """
    _remember(PAPERS / paper)
    own = [*PAPERS.glob(f"{paper}/configs/**/*.yaml"), PAPERS / paper / "schema.py"]
    return f"{_of_shared_recipes()} {of_files(own, PAPERS)}"


@cache
def of_judge() -> str:
    """Of the code that reaches verdicts."""
    _remember(COMMON)
    files = [*COMMON.glob("ledger/*.py"), *COMMON.glob("experiment/*.py")]
    return of_files([*files, COMMON / "data" / "pins.py", COMMON / "atomic.py"], COMMON)


def unchanged(paper: str) -> bool:
    """Whether the configurations, the shared code and the paper are as they were when the digests
    of them were taken."""
    return all(
        _stamps(root) == _REMEMBERED.setdefault(root, _stamps(root))
        for root in (COMMON, conf_folder(), PAPERS / paper)
    )


@cache
def _of_shared_recipes() -> str:
    _remember(COMMON)
    _remember(conf_folder())
    files = [*conf_folder().rglob("*.yaml"), *COMMON.glob("**/schema.py")]
    files += [*COMMON.glob("data/specs/*.py"), *COMMON.glob("ledger/plan*.py")]
    files += [COMMON / "experiment" / name for name in _COMPOSING]
    names = sorted(p.relative_to(PAPERS).as_posix() for p in PAPERS.glob("*/configs/**/*.yaml"))
    versions = [metadata.version(package) for package in ("hydra-core", "omegaconf")]
    listed = hashlib.sha256("\0".join(names).encode()).hexdigest()
    return " ".join([of_files(files, conf_folder().parent), listed, *versions])


_REMEMBERED: dict[Path, dict[str, tuple[int, ...]]] = {}


def _remember(root: Path) -> None:
    _REMEMBERED.setdefault(root, _stamps(root))


def _stamps(root: Path) -> dict[str, tuple[int, ...]]:
    """What changes in each file when it is edited, or put back."""
    found = {}
    for place, _, names in os.walk(root):
        for name in names:
            if not name.endswith(".pyc"):
                stat = os.stat(f"{place}/{name}")
                found[f"{place}/{name}"] = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
    return found
