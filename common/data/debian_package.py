"""Data that travel in Debian packages: fetched by name with `apt-get download`, read without
installing."""

from __future__ import annotations

import io
import lzma
import shutil
import subprocess
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from common.data.context import DataContext
from common.data.prepared import exclusive, writable_folder
from common.errors import CorruptDataError

_TIMEOUT_SECONDS = 600
_MAGIC = b"!<arch>\n"
_HEAD = 60  # bytes of the head of a member of an ar archive


@dataclass(frozen=True)
class DebianPackage:
    """A package; which release of it is apt's to choose, what is in it the caller's to check.

    Attributes:
        name: of the package.
        megabytes: size of the archive, for the message before the fetch.
    """

    name: str
    megabytes: int

    @property
    def filename(self) -> str:
        """Under which it is kept, whatever the release."""
        return f"{self.name}.deb"

    def path(self, context: DataContext) -> Path:
        """Where the archive is kept."""
        return context.downloads / self.filename


class AptError(Exception):
    """`apt-get download` did not deliver; the message is its own last words."""


def apt_exists() -> bool:
    """Whether there is an apt-get to ask."""
    return shutil.which("apt-get") is not None


def would_download(package: DebianPackage, context: DataContext) -> str:
    """What is about to be fetched, from where and to where."""
    source = f"{package.name} ({package.megabytes} MB) from the Debian archive"
    return context.fetch_message(source)


def apt_download(package: DebianPackage, context: DataContext) -> Path:
    """Path of the package's archive, fetched if it is not there yet.

    Raises:
        AptError: if apt-get fails, e.g. without a network.
        UserError: if the folder cannot be written.
    """
    target = package.path(context)
    with exclusive(target.with_name(target.name + ".lock")), writable_folder(target.parent):
        if target.exists():
            return target
        context.announce(would_download(package, context))
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            command = ["apt-get", "download", "-q", package.name]
            try:
                done = subprocess.run(
                    command, cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS
                )
            except subprocess.TimeoutExpired as error:
                raise AptError("no answer in time") from error
            found = sorted(Path(folder).glob("*.deb"))
            if done.returncode or not found:
                words = (done.stderr or done.stdout).strip().splitlines()
                raise AptError(words[-1] if words else f"exit status {done.returncode}")
            found[0].rename(target)
    return target


def deb_files(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of the wanted regular files of a package, in its order.

    Raises:
        CorruptDataError: it is no whole Debian package.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(_data(path.read_bytes())), mode="r:*") as archive:
            for member in archive:
                if member.isfile() and wanted(member.name):
                    yield member.name, archive.extractfile(member).read()
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError, ValueError) as error:
        raise CorruptDataError(
            f"{path} is not a whole Debian package ({error}). Delete it and get it anew."
        ) from error


def _data(content: bytes) -> bytes:
    """The member `data.tar.*` of the ar archive."""
    if not content.startswith(_MAGIC):
        raise ValueError("it does not begin as one")
    at = len(_MAGIC)
    while at + _HEAD <= len(content):
        head = content[at : at + _HEAD]
        name, size = head[:16].decode("ascii").strip().rstrip("/"), int(head[48:58])
        at += _HEAD
        if name.startswith("data.tar"):
            return content[at : at + size]
        at += size + size % 2
    raise ValueError("it has no data.tar")
