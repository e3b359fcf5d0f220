"""Avazu's click-through rate prediction challenge (2014): the official `train`, read as published.

All 22 columns from the hour on are categories; none is merged for being rare.
"""

from __future__ import annotations

import numpy as np

from common.data.context import DataContext
from common.data.ctr_encoding import ranks
from common.data.official_table import OfficialTable
from common.data.prepared import Arrays

FIELDS = (
    "hour", "C1", "banner_pos", "site_id", "site_domain", "site_category", "app_id", "app_domain",
    "app_category", "device_id", "device_ip", "device_model", "device_type", "device_conn_type",
    "C14", "C15", "C16", "C17", "C18", "C19", "C20", "C21",
)  # fmt: skip
ROWS = 40_428_967
_HEADER = ("id", "click", *FIELDS)
FILE = OfficialTable(
    "Avazu (click-through rate prediction challenge 2014)",
    "avazu",
    ("train", "train.csv", "train.gz", "train.csv.gz"),
    b",",
    len(_HEADER),
    "Get train.gz of the Kaggle competition avazu-ctr-prediction and put it",
)


def read(context: DataContext, rows: int = 0) -> Arrays:
    """fields (N, 22) int32, dense (N, 0) float32, labels (N,) int8; N is ``rows``, 0 for all.

    Raises:
        MissingDataError: the file is not in the local source.
        CorruptDataError: a line is not one of the official file's.
    """
    parts = []
    for number, cells in enumerate(FILE.chunks(context, rows and rows + 1)):
        if number == 0:
            found = tuple(cell.decode(errors="replace") for cell in cells[0])
            if found != _HEADER:
                raise FILE.corrupt(context, f"it begins with {', '.join(found[:4])}, ...")
            cells = cells[1:]
        parts.append(cells[:, 1:].astype("S8"))
    whole = np.concatenate(parts)
    if len(whole) == 0:
        raise FILE.corrupt(context, "it has a header alone")
    return {
        "fields": np.stack([ranks(column) for column in whole[:, 1:].T], 1),
        "dense": np.empty((len(whole), 0), np.float32),
        "labels": whole[:, 0].astype(np.int8),
    }
