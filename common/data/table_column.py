"""Columns of two public tables, as points of [0, 1] by ranges that are stated here and not taken
from the rows."""

from __future__ import annotations

import lzma
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from common.data import flights_files, movielens_files
from common.data.context import DataContext
from common.data.pickled_frame import columns
from common.data.prepared import Arrays, key, prepare, prepared_path
from common.data.specs.table_column import TableColumnSpec
from common.data.wheel_files import WheelFiles
from common.errors import CorruptDataError

_FOLDER = "table_column"


@dataclass(frozen=True)
class _Column:
    title: str
    files: WheelFiles
    low: float
    high: float
    rows: int


# No domestic flight takes twelve hours or goes 6,000 miles; MovieLens-100K was collected from
# September 1997 to April 1998.
_COLUMNS = {
    "flights_air_time": _Column("NYC flights 2013, air time", flights_files.FILES, 0, 720, 327_346),
    "flights_distance": _Column(
        "NYC flights 2013, distance", flights_files.FILES, 0, 6_000, 327_346
    ),
    "movielens_time": _Column(
        "MovieLens-100K, time of rating", movielens_files.FILES, 8.73e8, 8.945e8, 100_000
    ),
}


@dataclass(frozen=True)
class Column:
    """Points, and where they come from."""

    values: Float64[np.ndarray, " n"]
    name: str
    source: str
    content_sha256: str
    key: str
    is_paper_data: bool = False


def load(spec: TableColumnSpec, context: DataContext) -> Column:
    """Rows that have a number, scaled from the stated range to [0, 1], clipped to it. Of flights
    those with a known arrival.

    Raises:
        MissingDataError: the table is neither at hand nor to be had.
        CorruptDataError: the package is damaged, or is another one.
    """
    column = _COLUMNS[spec.source]

    def decode() -> tuple[Arrays, dict[str, Any]]:
        read = _times if spec.source == "movielens_time" else _flights
        values = read(context, spec.source)
        if len(values) != column.rows:
            raise CorruptDataError(f"{column.title}: {len(values)} numbers, not {column.rows}.")
        return {"values": values}, {}

    prepared = prepare(context, _FOLDER, spec.source, decode)
    scaled = (prepared.arrays["values"] - column.low) / (column.high - column.low)
    return Column(
        scaled.clip(0, 1),
        column.title,
        column.files.set_name,
        prepared.content_sha256,
        prepared_key(spec),
    )


def available(spec: TableColumnSpec, context: DataContext) -> str | None:
    """None, or what would be fetched."""
    if prepared_path(context, _FOLDER, spec.source).exists():
        return None
    return _COLUMNS[spec.source].files.fetch_plan(context)


def prepared_key(spec: TableColumnSpec) -> str:
    """One file a column."""
    return key(_FOLDER, spec.source)


def _flights(context: DataContext, source: str) -> Float64[np.ndarray, " n"]:
    ((name, content),) = flights_files.FILES.read(context).items()
    try:
        pickled = lzma.decompress(content)
    except lzma.LZMAError as error:
        raise CorruptDataError(f"{name} is not a whole .xz file ({error}).") from error
    wanted = source.removeprefix("flights_")
    table = columns(pickled, [wanted, "arr_delay"])
    values, delay = (np.asarray(table[c], dtype=np.float64) for c in (wanted, "arr_delay"))
    return values[~np.isnan(values) & ~np.isnan(delay)]


def _times(context: DataContext, source: str) -> Float64[np.ndarray, " n"]:
    lines = movielens_files.FILES.read(context)["ml-100k.inter"].decode().splitlines()[1:]
    return np.array([float(line.split("\t")[3]) for line in lines])
