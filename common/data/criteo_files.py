"""Criteo's display advertising challenge (2014): the official `train.txt`, read as published.

Numbers that are missing count as 0, categories that are missing are a category of their own, and
none is merged for being rare (Yu et al. 2024, their code).
"""

from __future__ import annotations

import numpy as np

from common.data.context import DataContext
from common.data.ctr_encoding import ranks
from common.data.official_table import OfficialTable
from common.data.prepared import Arrays

NUMBERS = tuple(f"I{i}" for i in range(1, 14))
FIELDS = tuple(f"C{i}" for i in range(1, 27))
ROWS = 45_840_617
FILE = OfficialTable(
    "Criteo (display advertising challenge 2014)",
    "criteo",
    ("train.txt", "train.txt.gz"),
    b"\t",
    1 + len(NUMBERS) + len(FIELDS),
    "Get dac.tar.gz from Criteo AI Lab and put its train.txt, or train.txt.gz,",
    "task=ctr/criteo_shaped generates a set of its shape.",
)


def read(context: DataContext, rows: int = 0) -> Arrays:
    """fields (N, 26) int32, dense (N, 13) float32, labels (N,) int8; N is ``rows``, 0 for all.

    Raises:
        MissingDataError: the file is not in the local source.
        CorruptDataError: a line is not one of the official file's.
    """
    parts = []
    try:
        for cells in FILE.chunks(context, rows):
            numbers = cells[:, 1 : 1 + len(NUMBERS)]
            parts.append(
                (
                    hexadecimal(cells[:, 1 + len(NUMBERS) :]),
                    np.where(numbers == b"", b"0", numbers).astype(np.float32),
                    cells[:, 0].astype(np.int8),
                )
            )
    except ValueError as error:
        raise FILE.corrupt(context, str(error)) from error
    categories, dense, labels = (np.concatenate(part) for part in zip(*parts, strict=True))
    fields = np.stack([ranks(column) for column in categories.T], 1)
    return {"fields": fields, "dense": dense, "labels": labels}


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
