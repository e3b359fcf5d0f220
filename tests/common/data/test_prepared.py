from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path

import numpy as np
import pytest

from common.data.context import DataContext
from common.data.prepared import content_sha256, prepare, prepared_path, read_npz, write_npz
from common.errors import CorruptDataError, UserError

ARRAYS = {"a": np.arange(6, dtype=np.uint8).reshape(2, 3), "b": np.array([1.5, -2.0])}


def build():
    return ARRAYS, {"baselines": {"majority": 0.5}}


def fail():
    raise AssertionError("built although it is there")


def test_hash_is_of_the_content_alone():
    assert content_sha256(ARRAYS) == content_sha256(dict(reversed(ARRAYS.items())))
    big_endian = {"a": ARRAYS["a"], "b": ARRAYS["b"].astype(">f8")}
    assert content_sha256(big_endian) == content_sha256(ARRAYS)
    for changed in (
        {"a": ARRAYS["a"].ravel(), "b": ARRAYS["b"]},
        {"a": ARRAYS["a"].astype(np.int16), "b": ARRAYS["b"]},
        {"a": ARRAYS["a"], "c": ARRAYS["b"]},
        {"a": ARRAYS["a"], "b": -ARRAYS["b"]},
    ):
        assert content_sha256(changed) != content_sha256(ARRAYS)


def test_second_call_reads_what_the_first_wrote(context):
    first = prepare(context, "set", "x", build)
    second = prepare(context, "set", "x", fail)
    assert second.content_sha256 == first.content_sha256 == content_sha256(ARRAYS)
    assert second.facts == {"baselines": {"majority": 0.5}}
    np.testing.assert_array_equal(second.arrays["a"], ARRAYS["a"])


def test_files_are_the_same_bytes_at_any_time(context, tmp_path):
    write_npz(tmp_path / "one.npz", *build())
    time.sleep(0.01)
    write_npz(tmp_path / "two.npz", *build())
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty"])
def test_damaged_file_is_said_so_and_made_anew(context, capsys, damage):
    prepare(context, "set", "x", build)
    path = prepared_path(context, "set", "x")
    content = bytearray(path.read_bytes())
    if damage == "truncate":
        content = content[:-20]
    elif damage == "flip":
        content[content.index(ARRAYS["a"].tobytes()) + 1] ^= 1
    else:
        content = bytearray()
    path.write_bytes(content)
    with pytest.raises(CorruptDataError, match=r"x\.npz"):
        read_npz(path)
    again = prepare(context, "set", "x", build)
    assert again.content_sha256 == content_sha256(ARRAYS)
    assert "damaged" in capsys.readouterr().err
    prepare(context, "set", "x", fail)


def test_content_that_differs_from_the_manifest_is_refused(tmp_path):
    path = tmp_path / "x.npz"
    write_npz(path, *build())
    with np.load(path) as archive:
        arrays = dict(archive)
    arrays["b"] = arrays["b"] + 1
    np.savez(path, **arrays)
    with pytest.raises(CorruptDataError, match="does not have the SHA-256"):
        read_npz(path)


def test_failed_build_leaves_nothing_behind(context):
    with pytest.raises(AssertionError):
        prepare(context, "set", "x", fail)
    assert list(context.root.rglob("*.npz*")) == []


def _prepare_slowly(root: Path, log: Path):
    def slow():
        with open(log, "a") as file:
            file.write("built\n")
        time.sleep(0.5)
        return build()

    result = prepare(DataContext(root, progress=False), "set", "x", slow)
    assert result.content_sha256 == content_sha256(ARRAYS)


def test_two_processes_build_it_once(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    processes = [
        spawn.Process(target=_prepare_slowly, args=(tmp_path / "data", tmp_path / "log"))
        for _ in range(2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert (tmp_path / "log").read_text() == "built\n"


def test_root_that_is_no_folder(tmp_path):
    (tmp_path / "data").write_text("a file")
    with pytest.raises(UserError, match="Cannot write to the data folder"):
        prepare(DataContext(tmp_path / "data"), "set", "x", build)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_read_only_root(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir(mode=0o500)
    with pytest.raises(UserError, match="make it writable or name another folder"):
        prepare(DataContext(folder), "set", "x", build)


def test_refusal_of_the_file_system_names_the_folder(context, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(UserError, match=r"data/set \(Permission denied\)"):
        prepare(context, "set", "x", build)


def test_what_is_there_is_read_from_a_read_only_folder(context, monkeypatch):
    prepare(context, "set", "x", build)
    monkeypatch.setattr(Path, "mkdir", lambda *_a, **_k: pytest.fail("wrote"))
    prepare(context, "set", "x", fail)


def test_context_refuses_what_cannot_be(tmp_path):
    with pytest.raises(UserError, match="is not a folder"):
        DataContext(tmp_path, local_source=tmp_path / "nowhere")
    with pytest.raises(UserError, match="workers is 0"):
        DataContext(tmp_path, workers=0)


def test_any_flipped_byte_is_noticed(tmp_path):
    """Whatever numpy and zipfile make of it, the reader says that the file is damaged."""
    path = tmp_path / "set.npz"
    write_npz(path, {"x": np.arange(3, dtype=np.int64)}, {"n": 3})
    whole = path.read_bytes()
    for position in range(0, len(whole), 3):
        for flip in (0x01, 0xFF):
            damaged = bytearray(whole)
            damaged[position] ^= flip
            path.write_bytes(damaged)
            try:
                content = read_npz(path)
            except CorruptDataError:
                continue
            np.testing.assert_array_equal(content.arrays["x"], np.arange(3))
