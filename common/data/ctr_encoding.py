"""From tables of values to ids and numbers: who is in which split, and what is learnt from whom.

An encoder that has seen the test rows knows which values occur there. Ids and ranges are therefore
fitted on the rows of training and validation, and id 0 stands for every value that these lack.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float32, Int32, Int64
from numpy import ndarray

from common.data.ctr_split import CtrSplit


class Rows(NamedTuple):
    """Row numbers of each split."""

    train: Int64[ndarray, " a"]
    val: Int64[ndarray, " b"]
    test: Int64[ndarray, " c"]

    @property
    def fitted(self) -> Int64[ndarray, " ab"]:
        """What encoders may see: all that is not test."""
        return np.concatenate([self.train, self.val])


def by_generator(n: int, kept: int, test_share: float, val_share: float, seed: int) -> Rows:
    """``default_rng(seed).permutation(n)[:kept]``: the last part of it is the test set, the last
    part of the rest validates."""
    order = np.random.default_rng(seed).permutation(n)[:kept]
    held = round(test_share * len(order))
    return _validated(order[: len(order) - held], order[len(order) - held :], val_share)


def by_sklearn(n: int, test_share: float, val_share: float, seed: int) -> Rows:
    """As ``sklearn.model_selection.train_test_split(test_size=..., random_state=seed)`` splits."""
    order = np.random.RandomState(seed).permutation(n)
    held = int(np.ceil(test_share * n))
    return _validated(order[held:], order[:held], val_share)


def _validated(train: ndarray, test: ndarray, val_share: float) -> Rows:
    kept = len(train) - round(val_share * len(train))
    return Rows(train[:kept], train[kept:], test)


def encode(
    values: Int32[ndarray, "n fields"], fitted: Int64[ndarray, " m"] | None
) -> tuple[Int32[ndarray, "n fields"], tuple[int, ...]]:
    """Ids of each column, and how many there are.

    Args:
        values: a number from 0 on for each distinct value of a column.
        fitted: rows whose values get an id, 1, 2, ... by size; the others share 0. None keeps every
            value of the table, without an id for others.
    """
    if fitted is None:
        return values, tuple(int(column.max()) + 1 for column in values.T)
    ids, sizes = np.empty_like(values), []
    for place, column in enumerate(values.T):
        seen = np.unique(column[fitted])
        table = np.zeros(int(column.max()) + 1, dtype=np.int32)
        table[seen] = np.arange(1, len(seen) + 1)
        ids[:, place] = table[column]
        sizes.append(len(seen) + 1)
    return ids, tuple(sizes)


def to_unit_range(
    numbers: Float32[ndarray, "n d"], fitted: Int64[ndarray, " m"] | None
) -> Float32[ndarray, "n d"]:
    """Min-max scaling of each column by the range of the fitted rows (None: of all); a constant
    column becomes 0."""
    seen = numbers if fitted is None else numbers[fitted]
    low = seen.min(0, initial=np.inf)
    span = seen.max(0, initial=-np.inf) - low
    return ((numbers - low) / np.where(span > 0, span, 1)).astype(np.float32)


def ranks(column: ndarray) -> Int32[ndarray, " n"]:
    """Place of each value among the column's distinct values, in their order."""
    return np.unique(column, return_inverse=True)[1].reshape(-1).astype(np.int32)


def split(ids: ndarray, dense: ndarray, labels: ndarray, rows: ndarray) -> CtrSplit:
    """The split of these rows."""
    return CtrSplit(
        torch.from_numpy(ids[rows]),
        torch.from_numpy(dense[rows]),
        torch.from_numpy(labels[rows].astype(np.float32)),
    )
