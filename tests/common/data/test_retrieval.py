from __future__ import annotations

import numpy as np
import pytest

from common.data.catalogue import available, load
from common.data.planted_keys import planted_keys, planted_pairs
from common.data.specs import RetrievalSpec
from common.errors import CorruptDataError, MissingDataError

SPEC = RetrievalSpec(train=300, val=31, test=100)
PINNED = "dbd0d4c36809d3524098b10417be4eebdf5fbd87a476062a86cb54a91b963a53"


def keys_of(document: np.ndarray, keys: np.ndarray) -> dict[int, int]:
    """Which keys lie in how many aligned slots."""
    slots = document.reshape(25, 8)
    counts = {k: int((slots == key).all(axis=1).sum()) for k, key in enumerate(keys)}
    return {k: count for k, count in counts.items() if count}


def test_each_document_carries_its_key_four_times():
    keys = planted_keys(SPEC)
    assert keys.shape == (16, 8)
    documents, labels = planted_pairs(SPEC, "train")
    assert documents.shape == (300, 2, 200)
    assert documents.max() == 25
    used, negatives = [], []
    for (one, two), label in zip(documents, labels, strict=True):
        first, second = keys_of(one, keys), keys_of(two, keys)
        assert list(first.values()) == list(second.values()) == [4]
        assert (first == second) == (label == 1)
        used += first
        if label == 0:
            negatives.append((min(second) - min(first)) % 16)
    assert set(used) == set(range(16))
    assert set(negatives) == set(range(1, 16))


def test_classes_are_balanced_and_in_random_order():
    for split, n in (("train", 300), ("val", 31), ("test", 100)):
        labels = planted_pairs(SPEC, split)[1]
        assert labels.sum() == n // 2
        assert labels.tolist() != sorted(labels.tolist())


def test_splits(context):
    data = load(SPEC, context)
    assert available(SPEC, context) is None
    assert (data.name, data.vocab_size, data.is_paper_data) == ("planted_keys", 29, False)
    assert data.max_length == 200
    rows = set()
    for split in (data.train, data.val, data.test):
        assert split.inputs.min() >= 3, "only letters: no padding, no <eos>"
        assert (split.lengths == 200).all()
        rows |= {document.tobytes() for document in split.inputs.numpy().reshape(-1, 200)}
    assert len(rows) == 2 * 431, "a document is used twice"


def test_the_same_bytes_on_any_day(context):
    assert load(RetrievalSpec(), context).content_sha256 == PINNED


def row(label: str, one: str, two: str) -> str:
    return "\t".join([label, "P01", "P02", one, two])


@pytest.fixture
def aan(local_context):
    folder = local_context.local_source / "aan"
    folder.mkdir()
    rows = [row("1", "abc", "ab" * 6), row("0.0", 'say "a"', "ccc"), row("0", "a", "b\rc")]
    (folder / "new_aan_pairs.train.tsv").write_bytes(("\n".join(rows) + "\n").encode())
    (folder / "new_aan_pairs.eval.tsv").write_text(rows[1] + "\n")
    (folder / "new_aan_pairs.test.tsv").write_text(row("1", "xyz", "a") + "\n")
    return folder


def test_official_files(aan, local_context):
    spec = RetrievalSpec(source="aan", l_max=8, train=0, val=0, test=0)
    assert available(spec, local_context) is None
    data = load(spec, local_context)
    assert (data.name, data.is_paper_data) == ("aan", False)
    assert data.train.targets.tolist() == [1, 0, 0]
    assert data.train.lengths.tolist() == [[4, 8], [8, 4], [2, 4]]
    # frequencies in train: a 7, b 5, c 5, " 2, then one each of \r, blank, s, y
    a, b, c = 3, 4, 5
    assert data.train.inputs[0].tolist() == [
        [a, b, c, 2, 0, 0, 0, 0],
        [a, b, a, b, a, b, a, 2],
    ]
    assert data.vocab_size == 3 + 8
    assert data.test.inputs[0, 0].tolist()[:4] == [1, data.train.inputs[1, 0, 2], 1, 2]
    assert len(load(RetrievalSpec(source="aan", train=2, val=1, test=1), local_context).train) == 2


@pytest.mark.parametrize("line", ["2\ta\tb\tc\td", "1\ta\tb\tc", "label\tid1\tid2\ttext1\ttext2"])
def test_broken_rows_name_the_line(aan, local_context, line):
    with open(aan / "new_aan_pairs.eval.tsv", "a") as file:
        file.write(line + "\n")
    spec = RetrievalSpec(source="aan", l_max=8, train=0, val=0, test=0)
    with pytest.raises(CorruptDataError, match=r"new_aan_pairs\.eval\.tsv, line 2"):
        load(spec, local_context)


def test_more_pairs_than_there_are(aan, local_context):
    with pytest.raises(CorruptDataError, match="holds 3 pairs; 4000 are asked for"):
        load(RetrievalSpec(source="aan"), local_context)


def test_missing_files(local_context):
    spec = RetrievalSpec(source="aan")
    assert "new_aan_pairs.train.tsv" in available(spec, local_context)
    with pytest.raises(MissingDataError, match="source=planted"):
        load(spec, local_context)
