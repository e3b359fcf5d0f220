"""GLUE sets in both forms of their files, and what is refused."""

from __future__ import annotations

import lzma
import zipfile
from dataclasses import replace

import pytest

from common.data import glue, glue_files
from common.data.context import DataContext
from common.data.specs import GlueSpec
from common.errors import CorruptDataError, MissingDataError, UserError

ROWS = {
    "train": [(1, 'It’s "quoted" .', "A second."), (0, "Two words", "Another")],
    "dev": [(0, "Unseen", "rows")],
}


def rows(name: str, split: str) -> glue_files.Rows:
    labels, first, second = zip(*ROWS[split], strict=True)
    pairs = name in ("mrpc", "rte")
    return glue_files.Rows(list(first), list(second) if pairs else [], list(labels))


@pytest.fixture(params=["cola", "mrpc", "rte", "sst2"])
def name(request, monkeypatch):
    """Each set, of which three rows are published for this test."""
    published = glue_files.PUBLISHED[request.param]
    digest = glue_files.rows_sha256({s: rows(request.param, s) for s in ROWS})
    known = {request.param: replace(published, content_sha256=digest, sizes=(2, 1))}
    monkeypatch.setattr(glue_files, "PUBLISHED", known)
    monkeypatch.setattr(glue, "PUBLISHED", known)
    return request.param


def tables(folder, name):
    folder.mkdir(parents=True)
    judged = glue_files.PUBLISHED[name].judged
    for split, file in (("train", "train"), ("dev", judged)):
        found = rows(name, split)
        second = found.second or [""] * len(found.first)
        text = "".join(
            "\t".join([str(label), a] + ([b] if b else [])) + "\n"
            for label, a, b in zip(found.labels, found.first, second, strict=True)
        )
        if name == "sst2" and split == "train":
            (folder / f"{name}_{file}.tsv.xz").write_bytes(lzma.compress(text.encode()))
        else:
            (folder / f"{name}_{file}.tsv").write_text(text)


def archives(folder, name):
    folder.mkdir(parents=True)
    texts = {}
    for split in ROWS:
        found = rows(name, split)
        if name == "cola":
            lines = [f"gj04\t{y}\t*\t{a}" for y, a in zip(found.labels, found.first, strict=True)]
        elif name == "sst2":
            lines = ["sentence\tlabel"]
            lines += [f"{a} \t{y}" for y, a in zip(found.labels, found.first, strict=True)]
        elif name == "rte":
            lines = ["index\tsentence1\tsentence2\tlabel"]
            lines += [
                f"{i}\t{a}\t{b}\t{'entailment' if y else 'not_entailment'}"
                for i, (y, a, b) in enumerate(
                    zip(found.labels, found.first, found.second, strict=True)
                )
            ]
        else:
            lines = ["Quality\t#1 ID\t#2 ID\t#1 String\t#2 String"]
            lines += [
                f"{y}\t7\t8\t{a}\t{b}"
                for y, a, b in zip(found.labels, found.first, found.second, strict=True)
            ]
        texts[split] = "\n".join(lines) + "\n"
    if name == "mrpc":
        (folder / "msr_paraphrase_train.txt").write_text(texts["train"], "utf-8-sig")
        (folder / "msr_paraphrase_test.txt").write_text(texts["dev"], "utf-8-sig")
        return
    with zipfile.ZipFile(folder / glue_files.PUBLISHED[name].archive, "w") as file:
        for split, text in texts.items():
            file.writestr(f"{name.upper()}/{split}.tsv", text)
            file.writestr(f"{name.upper()}/original/raw/{split}.tsv", "other\n")


@pytest.mark.parametrize("write", [tables, archives])
def test_both_forms_hold_the_same_rows(name, write, tmp_path):
    write(tmp_path / "source" / "glue", name)
    context = DataContext(root=tmp_path / "data", local_source=tmp_path / "source")
    assert glue.available(GlueSpec(name), context) is None
    data = glue.load(GlueSpec(name), context)
    assert data.train == rows(name, "train")
    assert data.dev == rows(name, "dev")
    assert data.pairs == (name in ("mrpc", "rte"))
    again = glue.load(GlueSpec(name), DataContext(root=tmp_path / "data"))
    assert again == data


def test_published_files_beside_the_downloads(name, tmp_path):
    context = DataContext(root=tmp_path / "data")
    assert "Put https://dl.fbaipublicfiles.com" in glue.available(GlueSpec(name), context)
    archives(context.downloads / "glue", name)
    assert glue.available(GlueSpec(name), context) is None
    assert glue.load(GlueSpec(name), context).train == rows(name, "train")


def test_what_is_not_there_or_damaged(name, tmp_path):
    (tmp_path / "source").mkdir()
    context = DataContext(root=tmp_path / "data", local_source=tmp_path / "source")
    with pytest.raises(MissingDataError, match=glue_files.PUBLISHED[name].title):
        glue.load(GlueSpec(name), context)
    folder = tmp_path / "source" / "glue"
    tables(folder, name)
    judged = folder / f"{name}_{glue_files.PUBLISHED[name].judged}.tsv"
    judged.write_text("1\tanother\trow\n")
    with pytest.raises(CorruptDataError, match="does not hold the published"):
        glue.load(GlueSpec(name), context)
    judged.write_text("no label\n")
    with pytest.raises(CorruptDataError, match="not a whole table"):
        glue.load(GlueSpec(name), context)


def test_a_damaged_archive(tmp_path):
    folder = tmp_path / "glue"
    folder.mkdir()
    (folder / "RTE.zip").write_bytes(b"PK no archive")
    context = DataContext(root=tmp_path / "data", local_source=tmp_path)
    with pytest.raises(CorruptDataError, match="is not the published file"):
        glue.load(GlueSpec("rte"), context)


def test_other_sets_are_refused():
    with pytest.raises(UserError, match="source"):
        GlueSpec("mnli").validate()


@pytest.mark.data
@pytest.mark.parametrize("source", ["cola", "mrpc", "rte", "sst2"])
def test_the_genuine_sets(source, genuine_context):
    data = glue.load(GlueSpec(source), genuine_context)
    assert (len(data.train.labels), len(data.dev.labels)) == glue_files.PUBLISHED[source].sizes
