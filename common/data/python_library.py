"""Source files of Python's standard library: from the running interpreter, or python.org's archive.

What an installation adds (`_sysconfigdata_*`, `config-*`) and packages of others are left out, so
that both places hold the same files; of release 3.11.7 that is proved by a pinned hash.
"""

from __future__ import annotations

import hashlib
import platform
import sysconfig
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from common.data.archive import archive_files
from common.data.context import DataContext
from common.data.download import RemoteFile, fetch, would_fetch
from common.errors import CorruptDataError

OFFICIAL = RemoteFile(
    "https://www.python.org/ftp/python/3.11.7/Python-3.11.7.tgz",
    "sha256:068c05f82262e57641bd93458dfa883128858f5f4997aad7a36fd25b13b29209",
    26,
)
PINNED = "3.11.7"
MODULES, TESTS = "modules", "tests"
# Of release 3.11.7, `files_sha256`: number of files and digest.
CONTENT = {
    MODULES: (672, "da177e50b1e68868ce49fd6dab76fc3973d407fb9cdba773f88b05d9a2a038b7"),
    TESTS: (820, "dddac8717790425acc07bc571db6c3c3eeb7368a168fff57202035357a0c6320"),
}

_NOT_MODULES = {"test", "tests", "idlelib"}

Files = dict[str, bytes]  # path below the library's folder -> content


def read_library(part: str, release: str, context: DataContext) -> Files:
    """Files of one part of the library, in the order of their paths.

    Args:
        part: `MODULES`: without `test`, `tests` and `idlelib`; `TESTS`: the modules of `test`.
        release: "3.11.7", or "" for the interpreter that runs.
        context: where the official archive may lie or come from.

    Raises:
        MissingDataError: another interpreter runs, and the archive is neither here nor to be had.
        CorruptDataError: the files are not those of the release.
    """
    if not release:
        return _installed(part)
    if platform.python_version() == release:
        files = _installed(part)
        if files_sha256(files) == CONTENT[part][1]:
            return files  # else it was installed without its tests, or patched
    path = _archive(context) or fetch(OFFICIAL, context, set_name="Python's standard library")
    prefix = f"Python-{release}/Lib/"
    members = archive_files(path, lambda name: name.startswith(prefix) and name.endswith(".py"))
    files = _chosen(((name.removeprefix(prefix), content) for name, content in members), part)
    count, expected = CONTENT[part]
    found = files_sha256(files)
    if found != expected:
        raise CorruptDataError(
            f"{path} does not hold the {part} of Python {release}: {len(files)} files with SHA-256 "
            f"{found}, expected {count} with {expected}. Delete it and get it anew."
        )
    return files


def library_available(release: str, context: DataContext) -> str | None:
    """None, or what would be fetched."""
    if not release or platform.python_version() == release or _archive(context):
        return None
    return would_fetch(OFFICIAL, context)


def files_sha256(files: Files) -> str:
    """SHA-256 over paths and contents in the order of the paths."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path}|{len(files[path])}|".encode() + files[path])
    return digest.hexdigest()


def _archive(context: DataContext) -> Path | None:
    local = context.local("python", OFFICIAL.filename)
    if local is not None:
        return local
    downloaded = context.downloads / OFFICIAL.filename
    return downloaded if downloaded.exists() else None


def _installed(part: str) -> Files:
    root = Path(sysconfig.get_paths()["stdlib"])
    found = ((p.relative_to(root).as_posix(), p) for p in root.rglob("*.py"))
    # Read after the choice: what others have installed may be large.
    return {name: path.read_bytes() for name, path in sorted(found) if _belongs(name, part)}


def _chosen(files: Iterable[tuple[str, bytes]], part: str) -> Files:
    return {name: content for name, content in sorted(files) if _belongs(name, part)}


def _belongs(name: str, part: str) -> bool:
    parts = PurePosixPath(name).parts
    if part == TESTS:
        return parts[0] == "test"
    added = parts[0].startswith(("_sysconfigdata", "config-")) or "site-packages" in parts
    return not added and not _NOT_MODULES & set(parts)
