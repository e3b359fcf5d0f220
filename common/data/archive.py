"""Read a .tar.gz without unpacking it to disk, so no member can write where it should not."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from common.errors import CorruptDataError


def archive_files(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of the wanted regular files, in the archive's order.

    Raises:
        CorruptDataError: if the archive is truncated, or is none.
    """
    try:
        with tarfile.open(path, "r|gz") as archive:
            for member in archive:
                if member.isfile() and wanted(member.name):
                    yield member.name, archive.extractfile(member).read()
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise CorruptDataError(
            f"{path} is not a whole .tar.gz ({error}). Delete it and get it anew."
        ) from error
