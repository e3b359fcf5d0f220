"""MovieLens-100K as a matrix of ratings, 943 users by 1,682 films, 1 to 5 stars."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from common.data.context import DataContext
from common.data.movielens_files import FILES, ROWS
from common.data.prepared import Arrays, key, prepare, prepared_path
from common.data.specs.ratings import RatingsSpec
from common.errors import CorruptDataError

SHAPE = (943, 1682)


@dataclass(frozen=True)
class Entries:
    """Some ratings: users and items count from 0."""

    users: Int[np.ndarray, " n"]
    items: Int[np.ndarray, " n"]
    stars: Float[np.ndarray, " n"]


@dataclass(frozen=True)
class Ratings:
    """Two splits, and where they come from."""

    train: Entries
    test: Entries
    name: str
    source: str
    content_sha256: str
    key: str
    is_paper_data: bool = True
    notes: tuple[str, ...] = ()


def load(spec: RatingsSpec, context: DataContext) -> Ratings:
    """For the test those whose SHA-256 of "user,item", as numbered in the files, has its first
    eight hexadecimal digits divisible by ``test_of``.

    Raises:
        MissingDataError: the set is neither at hand nor to be had.
        CorruptDataError: the package is damaged, or is another set.
    """

    def decode() -> tuple[Arrays, dict[str, Any]]:
        lines = FILES.read(context)["ml-100k.inter"].decode().splitlines()[1:]
        table = np.array([line.split("\t")[:3] for line in lines]).astype(float)
        if len(table) != ROWS:
            raise CorruptDataError(f"ml-100k.inter has {len(table)} ratings, not {ROWS}.")
        return {"places": table[:, :2].astype(np.int32), "stars": table[:, 2].astype(np.int8)}, {}

    folder, _, name = prepared_key(spec).partition("/")
    prepared = prepare(context, folder, name, decode)
    places, stars = prepared.arrays["places"], prepared.arrays["stars"].astype(float)
    apart = np.array([_number(user, item) % spec.test_of == 0 for user, item in places.tolist()])

    def entries(which: np.ndarray) -> Entries:
        users, items = (places[which].astype(np.int64) - 1).T
        return Entries(users, items, stars[which])

    return Ratings(
        entries(~apart),
        entries(apart),
        "MovieLens-100K",
        "MovieLens-100K (GroupLens 1998)",
        prepared.content_sha256,
        prepared_key(spec),
    )


def available(spec: RatingsSpec, context: DataContext) -> str | None:
    """None, or what would be fetched or has to be put where."""
    folder, _, name = prepared_key(spec).partition("/")
    if prepared_path(context, folder, name).exists():
        return None
    return FILES.fetch_plan(context)


def prepared_key(spec: RatingsSpec) -> str:
    """One file for all splits."""
    return key("movielens", "ratings")


def _number(user: int, item: int) -> int:
    return int(hashlib.sha256(f"{user},{item}".encode()).hexdigest()[:8], 16)
