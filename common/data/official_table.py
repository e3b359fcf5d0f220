"""Large tables that only their owners give out: one official text file, put in place by hand."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np

from common.data.context import DataContext
from common.errors import CorruptDataError, MissingDataError

_CHUNK = 100_000  # lines


@dataclass(frozen=True)
class OfficialTable:
    """A file of lines of cells.

    Attributes:
        set_name: for messages.
        folder: of the local source.
        names: that the file may have there; one in .gz is packed.
        separator: of cells.
        width: cells of a line.
        remedy: how to come by it, ending before "in <folder>".
        stand_in: a sentence about what can be used without it.
    """

    set_name: str
    folder: str
    names: tuple[str, ...]
    separator: bytes
    width: int
    remedy: str
    stand_in: str = ""

    def at_hand(self, context: DataContext) -> Path | None:
        """The file, plain or packed."""
        return next(filter(None, (context.local(self.folder, n) for n in self.names)), None)

    def plan(self, context: DataContext) -> str | None:
        """None if it is there, else what to put where."""
        return None if self.at_hand(context) else str(self._missing(context))

    def chunks(self, context: DataContext, lines: int) -> Iterator[np.ndarray]:
        """(n, width) bytes, some lines at a time; the first ``lines`` of the file, 0 for all.

        Raises:
            MissingDataError: the file is not in the local source.
            CorruptDataError: a line has another number of cells, or there is none.
        """
        path = self.at_hand(context)
        if path is None:
            raise self._missing(context)
        empty = True
        with _opened(path) as file:
            wanted = islice(file, lines) if lines else file
            while part := [line.rstrip(b"\r\n") for line in islice(wanted, _CHUNK)]:
                empty = False
                yield self._cells(part, path)
        if empty:
            raise self.corrupt(context, "it is empty")

    def corrupt(self, context: DataContext, reason: str) -> CorruptDataError:
        """The error for content that is not the official file's."""
        return CorruptDataError(
            f"{self.at_hand(context)} is not the file of {self.set_name}: {reason}. Get it anew."
        )

    def _cells(self, lines: list[bytes], path: Path) -> np.ndarray:
        rows = [line.split(self.separator) for line in lines]
        wrong = next((row for row in rows if len(row) != self.width), None)
        if wrong is not None:
            raise CorruptDataError(
                f"{path} has a line of {len(wrong)} cells where the official file has "
                f"{self.width}: {self.separator.join(wrong)[:80]!r}. Get it anew."
            )
        return np.array(rows)

    def _missing(self, context: DataContext) -> MissingDataError:
        place = context.local_source or "the folder that data.local_source names"
        where = f"No package carries it. {self.remedy} in {place}/{self.folder}/."
        return MissingDataError(self.set_name, f"{where} {self.stand_in}".strip())


def _opened(path: Path) -> BinaryIO:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")
