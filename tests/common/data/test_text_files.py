"""Texts that one brings: splits by file, bytes and tokens, what is missing."""

from __future__ import annotations

import pytest

from common.data.catalogue import available, load
from common.data.context import DataContext
from common.data.corpora import split_of
from common.data.specs import TextFilesSpec
from common.errors import CorruptDataError, MissingDataError, UserError

BYTES = TextFilesSpec("mine", 257)


@pytest.fixture
def context(tmp_path):
    folder = tmp_path / "local" / "text" / "mine"
    folder.mkdir(parents=True)
    for i in range(120):
        (folder / f"{i}.txt").write_text(f"text {i} é")
    return DataContext(tmp_path / "root", tmp_path / "local")


def test_bytes(context):
    assert available(BYTES, context) is None
    data = load(BYTES, context)
    streams = {s: getattr(data, s).tolist() for s in ("train", "val", "test")}
    for split, stream in streams.items():
        texts = bytes(0 if t == 0 else t - 1 for t in stream).split(b"\0")[:-1]
        wanted = {f"text {i} é" for i in range(120) if split_of(f"{i}.txt") == split}
        assert {t.decode() for t in texts} == wanted
    assert data.facts["files"] == 120
    assert not data.is_paper_data


def test_tokens(context, tmp_path):
    pytest.importorskip("tokenizers")
    from common.data.byte_pairs import BytePairs

    pairs = BytePairs.learn(["text 1 text 2 text 3"], 260)
    spec = TextFilesSpec("mine", 260)
    assert "tokenizer.json" in available(spec, context)
    place = tmp_path / "local" / "text" / "mine" / "tokenizer.json"
    place.write_text(pairs.serialised)
    data = load(spec, context)
    assert max(data.train.tolist()) < 260
    assert data.tokenizer == pairs.serialised
    with pytest.raises(CorruptDataError, match="has 260 tokens, asked for are 300"):
        load(TextFilesSpec("mine", 300), context)


def test_what_is_missing_is_told(tmp_path, context):
    with pytest.raises(MissingDataError, match=r"\*\.txt files into .*/text/openwebtext/"):
        load(TextFilesSpec(), context)
    few = tmp_path / "local" / "text" / "few"
    few.mkdir()
    (few / "a.txt").write_text("a")
    with pytest.raises(CorruptDataError, match="Cut the text into more files"):
        load(TextFilesSpec("few", 257), context)


def test_refusals():
    for spec, message in (
        (TextFilesSpec("../up"), "name is '../up'"),
        (TextFilesSpec("a", 100), "vocabulary is 100; allowed: 257 to 65536"),
    ):
        with pytest.raises(UserError, match=message):
            spec.validate()
