"""Criteo's display advertising challenge (2014): the official `train.txt`, read as published.

Numbers that are missing count as 0, categories that are missing are a category of their own, and
none is merged for being rare (Yu et al. 2024, their code).
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np

from common.data.context import DataContext
from common.data.ctr_encoding import ranks
from common.data.prepared import Arrays
from common.errors import CorruptDataError, MissingDataError

FOLDER = "criteo"
NUMBERS = tuple(f"I{i}" for i in range(1, 14))
FIELDS = tuple(f"C{i}" for i in range(1, 27))
ROWS = 45_840_617
_CHUNK = 100_000  # lines
_NAMES = ("train.txt", "train.txt.gz")


def at_hand(context: DataContext) -> Path | None:
    """The official file, plain or packed."""
    return next(filter(None, (context.local(FOLDER, name) for name in _NAMES)), None)


def missing(context: DataContext) -> MissingDataError:
    """What to put where."""
    place = context.local_source or "the folder that data.local_source names"
    return MissingDataError(
        "Criteo (display advertising challenge 2014)",
        "No package carries it. Get dac.tar.gz from Criteo AI Lab and put its train.txt, or "
        f"train.txt.gz, in {place}/{FOLDER}/. task=ctr/criteo_shaped generates a set of its shape.",
    )


def read(context: DataContext, rows: int = 0) -> Arrays:
    """fields (N, 26) int32, dense (N, 13) float32, labels (N,) int8; N is ``rows``, 0 for all.

    Raises:
        MissingDataError: the file is not in the local source.
        CorruptDataError: a line is not one of the official file's.
    """
    path = at_hand(context)
    if path is None:
        raise missing(context)
    parts = [_decoded(lines, path) for lines in chunks(path, rows)]
    if not parts:
        raise CorruptDataError(f"{path} is empty. Get it anew.")
    categories = np.concatenate([part["categories"] for part in parts])
    return {
        "fields": np.stack([ranks(column) for column in categories.T], 1),
        "dense": np.concatenate([part["dense"] for part in parts]),
        "labels": np.concatenate([part["labels"] for part in parts]),
    }


def chunks(path: Path, rows: int) -> Iterator[list[bytes]]:
    """Lines of a file, plain or .gz, without their ends, some at a time; the first ``rows`` of
    them, 0 for all."""
    with _opened(path) as file:
        lines = islice(file, rows) if rows else file
        while part := [line.rstrip(b"\r\n") for line in islice(lines, _CHUNK)]:
            yield part


def _opened(path: Path) -> BinaryIO:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")


def table(lines: list[bytes], separator: bytes, width: int, path: Path) -> np.ndarray:
    """Cells of lines that have so many, (n, width) bytes.

    Raises:
        CorruptDataError: a line has another number of cells.
    """
    rows = [line.split(separator) for line in lines]
    wrong = next((row for row in rows if len(row) != width), None)
    if wrong is not None:
        raise CorruptDataError(
            f"{path} has a line of {len(wrong)} cells where the official file has {width}: "
            f"{separator.join(wrong)[:80]!r}. Get it anew."
        )
    return np.array(rows)


def _decoded(lines: list[bytes], path: Path) -> Arrays:
    cells = table(lines, b"\t", 1 + len(NUMBERS) + len(FIELDS), path)
    numbers = cells[:, 1 : 1 + len(NUMBERS)]
    try:
        return {
            "labels": cells[:, 0].astype(np.int8),
            "dense": np.where(numbers == b"", b"0", numbers).astype(np.float32),
            "categories": hexadecimal(cells[:, 1 + len(NUMBERS) :]),
        }
    except ValueError as error:
        raise CorruptDataError(f"{path} is not Criteo's train.txt ({error}). Get it anew.") from error


def hexadecimal(cells: np.ndarray) -> np.ndarray:
    """Eight hexadecimal digits as a number, nothing as -1, which sorts as the text "-1" does.

    Raises:
        ValueError: a cell is neither.
    """
    cells = np.ascontiguousarray(cells.astype("S8"))
    absent = cells == b""
    letters = np.where(absent, b"00000000", cells).astype("S8").view(np.uint8)
    letters = letters.reshape(*cells.shape, 8).astype(np.int64)
    digits = np.where(letters >= ord("a"), letters - ord("a") + 10, letters - ord("0"))
    if ((digits < 0) | (digits > 15)).any():
        raise ValueError("a category is not of eight hexadecimal digits")
    numbers = np.zeros(cells.shape, np.int64)
    for place in range(8):
        numbers = numbers * 16 + digits[..., place]
    return np.where(absent, -1, numbers)
