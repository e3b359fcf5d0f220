"""A pickled frame is read without pandas, and nothing else in a pickle is run."""

from __future__ import annotations

import os
import pickle
import sys
import types

import numpy as np
import pytest

from common.data.pickled_frame import columns
from common.errors import CorruptDataError


def pickled_frame(blocks, names):
    """As pandas 2 pickles a frame, written by stand-ins that carry pandas' names."""
    made = {}
    for path, name in (
        ("pandas.core.frame", "DataFrame"),
        ("pandas.core.internals.managers", "BlockManager"),
        ("pandas._libs.internals", "_unpickle_block"),
        ("pandas.core.indexes.base", "_new_Index"),
        ("pandas.core.indexes.base", "Index"),
    ):
        for end in range(1, path.count(".") + 2):
            parent = ".".join(path.split(".")[:end])
            module = sys.modules.setdefault(parent, types.ModuleType(parent))
        made[name] = type(name, (), {"__module__": path, "__qualname__": name})
        setattr(module, name, made[name])

    class Call:
        def __init__(self, name, *arguments):
            self.name, self.arguments = name, arguments

        def __reduce__(self):
            return made[self.name], self.arguments

    index = Call("_new_Index", made["Index"], {"data": np.array(names, dtype=object)})
    parts = tuple(Call("_unpickle_block", values, places, 2) for values, places in blocks)
    frame = made["DataFrame"]()
    frame.__dict__["_mgr"] = Call("BlockManager", parts, [index, None])
    return pickle.dumps(frame)


@pytest.fixture
def without_pandas(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "pandas"]:
        monkeypatch.delitem(sys.modules, name)
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "pandas"]:
        sys.modules.pop(name)


def test_columns_of_several_blocks(without_pandas):
    numbers = np.arange(6.0).reshape(2, 3)
    texts = np.array([["x", "y", None]], dtype=object)
    content = pickled_frame([(numbers, np.array([0, 2])), (texts, slice(1, 2))], ["a", "b", "c"])
    found = columns(content, ["c", "b"])
    assert list(found) == ["c", "b"]
    assert found["c"].tolist() == [3, 4, 5]
    assert found["b"].tolist() == ["x", "y", None]


def test_what_is_no_part_of_a_frame_is_not_called(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "made"),)

    with pytest.raises(CorruptDataError, match="mkdir is no part of a frame"):
        columns(pickle.dumps(Evil()), ["a"])
    assert not (tmp_path / "made").exists()


def test_other_content(without_pandas):
    for content in (b"", b"no pickle", pickle.dumps([1, 2])):
        with pytest.raises(CorruptDataError, match="columns a was expected"):
            columns(content, ["a"])
    content = pickled_frame([(np.zeros((1, 2)), np.array([0]))], ["a"])
    with pytest.raises(CorruptDataError, match="KeyError"):
        columns(content, ["b"])
