"""Columns of a pickled pandas frame, read without pandas and without running what it names.

A pickle may call anything. Here it can name only the few constructors of a frame, each replaced by
a plain one, so that a file can at worst fail to be read.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

from common.errors import CorruptDataError


class _Frame:
    """Takes the place of ``pandas.DataFrame``: what it is built from is its state."""

    manager: tuple[tuple[Any, ...], list[Any]]

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.manager = state["_mgr"]


def _block(values: np.ndarray, places: np.ndarray | slice, ndim: int) -> tuple[Any, Any]:
    return values, places


def _manager(blocks: tuple[Any, ...], axes: list[Any]) -> tuple[tuple[Any, ...], list[Any]]:
    return blocks, axes


def _index(kind: None, parts: dict[str, Any]) -> Any:
    return parts.get("data")  # the names of columns; of a range of rows nothing is needed


def _from_bytes(buffer: bytes, dtype: np.dtype, shape: tuple[int, ...], order: str) -> np.ndarray:
    return np.frombuffer(buffer, dtype).reshape(shape, order=order)


# What reading a pickle that was cut, or whose frame is of another release, raises.
_UNREADABLE = (
    pickle.UnpicklingError,
    AttributeError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    ValueError,
)
_ALLOWED: dict[tuple[str, str], Callable | None] = {
    ("pandas.core.frame", "DataFrame"): _Frame,
    ("pandas.core.internals.managers", "BlockManager"): _manager,
    ("pandas._libs.internals", "_unpickle_block"): _block,
    ("pandas.core.indexes.base", "_new_Index"): _index,
    ("pandas.core.indexes.base", "Index"): None,
    ("pandas.core.indexes.range", "RangeIndex"): None,
    ("numpy.core.numeric", "_frombuffer"): _from_bytes,
    ("numpy.core.multiarray", "_reconstruct"): lambda kind, shape, code: np.ndarray(shape, code),
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("builtins", "slice"): slice,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        key = module.replace("numpy._core", "numpy.core"), name  # as NumPy 2 calls it
        if key not in _ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} is no part of a frame")
        return _ALLOWED[key]


def columns(pickled: bytes, wanted: list[str]) -> dict[str, np.ndarray]:
    """The wanted columns by name, one array each.

    Raises:
        CorruptDataError: the bytes are no pickled frame of these columns.
    """
    try:
        blocks, axes = _Unpickler(io.BytesIO(pickled)).load().manager
        names = [str(name) for name in axes[0]]
        found = {}
        for values, places in blocks:
            for row, place in enumerate(np.arange(len(names))[places]):
                found[names[place]] = values[row]
        return {name: found[name] for name in wanted}
    except _UNREADABLE as error:
        raise CorruptDataError(
            f"A pickled table with the columns {', '.join(wanted)} was expected, and cannot be "
            f"read ({type(error).__name__}: {error}). Get the file anew."
        ) from error
