from __future__ import annotations

import re

import pytest

from common.data.pins import entries, pins, write
from common.errors import UserError


def pinned(key: str, digest: str = "ab" * 32) -> dict:
    meta = {"content_sha256": digest, "name": "set", "generated": True}
    return {"md5": "0" * 32, "size": 1, "hash": "md5", "path": f"data/{key}.npz", "meta": meta}


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "data.dvc"
    assert write(path, {"b/2": pinned("b/2", "cd" * 32), "a/1": pinned("a/1")})
    assert pins(path) == {"a/1": "ab" * 32, "b/2": "cd" * 32}
    assert list(entries(path)) == ["a/1", "b/2"], "in the order of the keys, whoever writes"
    assert not write(path, entries(path)), "nothing changed"


def test_digits_alone_stay_a_string(tmp_path):
    """Such a hash is a number to YAML unless it is quoted."""
    path = tmp_path / "data.dvc"
    write(path, {"a/1": pinned("a/1", "1" * 64)})
    assert pins(path) == {"a/1": "1" * 64}


def test_no_file_pins_nothing(tmp_path):
    assert pins(tmp_path / "data.dvc") == {}


@pytest.mark.parametrize(
    "content",
    [
        "<<<<<<< ours\nouts: [}",
        "",
        "outs: 3",
        "stages: {}",
        "outs: [{path: data/a/1.npz}]",
        "outs: [{path: data/a/1.npz, meta: {name: x}}]",
    ],
)
def test_what_is_no_list_of_pins_is_refused(tmp_path, content):
    path = tmp_path / "data.dvc"
    path.write_text(content)
    with pytest.raises(UserError, match=re.escape(str(path)) + ".*common.data pin"):
        pins(path)
