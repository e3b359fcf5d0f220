"""Avazu's click-through rate prediction challenge (2014): the official `train`, read as published.

All 22 columns from the hour on are categories; none is merged for being rare.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from common.data.context import DataContext
from common.data.criteo_files import chunks, table
from common.data.ctr_encoding import ranks
from common.data.prepared import Arrays
from common.errors import CorruptDataError, MissingDataError

FOLDER = "avazu"
FIELDS = (
    "hour", "C1", "banner_pos", "site_id", "site_domain", "site_category", "app_id", "app_domain",
    "app_category", "device_id", "device_ip", "device_model", "device_type", "device_conn_type",
    "C14", "C15", "C16", "C17", "C18", "C19", "C20", "C21",
)  # fmt: skip
ROWS = 40_428_967
_HEADER = ("id", "click", *FIELDS)
_NAMES = ("train", "train.csv", "train.gz", "train.csv.gz")


def at_hand(context: DataContext) -> Path | None:
    """The official file, plain or packed."""
    return next(filter(None, (context.local(FOLDER, name) for name in _NAMES)), None)


def missing(context: DataContext) -> MissingDataError:
    """What to put where."""
    place = context.local_source or "the folder that data.local_source names"
    return MissingDataError(
        "Avazu (click-through rate prediction challenge 2014)",
        "No package carries it. Get train.gz of the Kaggle competition avazu-ctr-prediction and "
        f"put it in {place}/{FOLDER}/.",
    )


def read(context: DataContext, rows: int = 0) -> Arrays:
    """fields (N, 22) int32, dense (N, 0) float32, labels (N,) int8; N is ``rows``, 0 for all.

    Raises:
        MissingDataError: the file is not in the local source.
        CorruptDataError: a line is not one of the official file's.
    """
    path = at_hand(context)
    if path is None:
        raise missing(context)
    cells = []
    for number, lines in enumerate(chunks(path, rows and rows + 1)):
        part = table(lines, b",", len(_HEADER), path)
        if number == 0:
            _check(part[0], path)
            part = part[1:]
        cells.append(part[:, 1:].astype("S8"))
    if not cells or sum(map(len, cells)) == 0:
        raise CorruptDataError(f"{path} is empty. Get it anew.")
    whole = np.concatenate(cells)
    return {
        "fields": np.stack([ranks(column) for column in whole[:, 1:].T], 1),
        "dense": np.empty((len(whole), 0), np.float32),
        "labels": whole[:, 0].astype(np.int8),
    }


def _check(header: np.ndarray, path: Path) -> None:
    found = tuple(cell.decode() for cell in header)
    if found != _HEADER:
        raise CorruptDataError(
            f"{path} begins with {', '.join(found[:4])}, ...; the official file with "
            f"{', '.join(_HEADER[:4])}, .... Get it anew."
        )
