"""MovieLens-100K as a table of clicks: a rating of 4 or 5 is one."""

from __future__ import annotations

import numpy as np

from common.data.context import DataContext
from common.data.ctr_encoding import ranks
from common.data.pip_package import PipPackage
from common.data.prepared import Arrays
from common.data.wheel_files import WheelFiles
from common.errors import CorruptDataError

PACKAGE = PipPackage("recbole", "1.2.1", 2)
FILES = WheelFiles(
    "MovieLens-100K",
    "movielens",
    PACKAGE,
    {
        "recbole/dataset_example/ml-100k/ml-100k.inter": (
            "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff"
        ),
        "recbole/dataset_example/ml-100k/ml-100k.user": (
            "4f670007d9cfbeb9807e757209af1555b9bcc186bde25e767f67cb67c6dd5972"
        ),
        "recbole/dataset_example/ml-100k/ml-100k.item": (
            "51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532"
        ),
    },
)
FIELDS = (
    "user", "item", "age", "gender", "occupation", "zip3", "year", "genre", "hour", "weekday",
)  # fmt: skip
ROWS = 100_000
LIKED = 4  # stars


def read(context: DataContext, rows: int = 0) -> Arrays:
    """fields (100000, 10) int32, dense (100000, 0) float32, labels (100000,) int8.

    Ages count in steps of five years, the hour and the weekday are those of the rating in UTC, of
    the genres the first is taken, of the zip code the first three characters.

    Raises:
        MissingDataError: the set is neither at hand nor to be had.
        CorruptDataError: the package is damaged.
    """
    files = FILES.read(context)
    users, items, ratings = (_lines(files, f"ml-100k.{kind}") for kind in ("user", "item", "inter"))
    age, gender, occupation, zip_code = _by_id(users)
    _, year, genres = _by_id(items)
    who, what = (ratings[:, place].astype(np.int64) for place in (0, 1))
    when = ratings[:, 3].astype(np.float64).astype(np.int64)
    fields = [
        who,
        what,
        age[who].astype(np.int64) // 5,
        gender[who],
        occupation[who],
        zip_code[who].astype("U3"),
        year[what],
        np.array([text.split(" ")[0] for text in genres])[what],
        when // 3600 % 24,
        (when // 86400 + 3) % 7,  # 1970 began on a Thursday
    ]
    return {
        "fields": np.stack([ranks(column) for column in fields], 1),
        "dense": np.empty((len(ratings), 0), np.float32),
        "labels": (ratings[:, 2].astype(np.float64) >= LIKED).astype(np.int8),
    }


def _lines(files: dict[str, bytes], name: str) -> np.ndarray:
    header, *lines = files[name].decode().splitlines()
    width = header.count("\t") + 1
    rows = [line.split("\t") for line in lines]
    if any(len(row) != width for row in rows):
        raise CorruptDataError(f"{name} has lines of other than {width} columns. Get it anew.")
    return np.array(rows)


def _by_id(lines: np.ndarray) -> list[np.ndarray]:
    """The columns after the first, which numbers the rows; looked up by that number."""
    number = lines[:, 0].astype(np.int64)
    columns = []
    for column in lines.T[1:]:
        table = np.full(number.max() + 1, "0", dtype=column.dtype)
        table[number] = column
        columns.append(table)
    return columns
