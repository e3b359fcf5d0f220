"""Source code as tokens: where it comes from, how it is split, that it can be turned back."""

from __future__ import annotations

import gzip
import io
import json
import platform
import tarfile
from dataclasses import replace

import numpy as np
import pytest

from common.data import corpora, python_library, source_texts
from common.data.byte_pairs import END, BytePairs
from common.data.catalogue import available, load
from common.data.context import DataContext
from common.data.naming import key_of
from common.data.prepared import prepared_path
from common.data.python_library import MODULES, TESTS, files_sha256, read_library
from common.data.specs import CorpusSpec
from common.errors import CorruptDataError, MissingDataError, UserError

pytest.importorskip("tokenizers")
SMALL = CorpusSpec(python="", files=60, vocabulary=300)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    context = DataContext(tmp_path_factory.mktemp("data"), download=False, progress=False)
    return load(SMALL, context), context


@pytest.fixture(scope="module")
def modules():
    return read_library(MODULES, "", None)


def tar_of(path, files):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def test_tokens_turn_back_into_the_files(made, modules):
    corpus, _ = made
    paths = sorted(modules, key=corpora._path_hash)[:60]
    pairs = BytePairs(corpus.tokenizer)
    for split in corpora.SPLITS:
        wanted = [
            modules[p].decode(errors="replace") for p in paths if corpora.split_of(p) == split
        ]
        stream = getattr(corpus, split).numpy()
        ends = np.flatnonzero(stream == END)
        assert len(ends) == len(wanted) > 0
        pieces = np.split(stream, ends + 1)[:-1]
        assert [pairs.decode(piece[:-1]) for piece in pieces] == wanted


def test_the_vocabulary_is_learnt_on_train_and_has_its_size(made, modules):
    corpus, _ = made
    pairs = BytePairs(corpus.tokenizer)
    assert pairs.size == corpus.vocabulary == 300
    assert int(corpus.train.max()) < 300
    paths = sorted(modules, key=corpora._path_hash)[:60]
    train = [modules[p].decode(errors="replace") for p in paths if corpora.split_of(p) == "train"]
    assert BytePairs.learn(train, 300).serialised == corpus.tokenizer


def test_facts_name_release_and_files(made, modules):
    corpus, context = made
    assert corpus.facts["python"] == platform.python_version()
    first = {p: modules[p] for p in sorted(modules, key=corpora._path_hash)[:60]}
    assert corpus.facts["files_sha256"] == files_sha256(first)
    assert corpus.key == key_of(SMALL)
    assert platform.python_version() in corpus.key
    assert (context.root / f"{corpus.key}.npz").exists()
    assert available(SMALL, context) is None


def test_a_file_belongs_to_one_split_wherever_it_stands():
    paths = [f"package/module_{i}.py" for i in range(4000)]
    shares = [sum(corpora.split_of(p) == s for p in paths) / 4000 for s in corpora.SPLITS]
    assert shares == pytest.approx([0.9, 0.05, 0.05], abs=0.015)


def test_any_text_has_an_encoding_and_an_end_written_out_is_none():
    pairs = BytePairs.learn(["x = 1\n" * 20], 270)
    for text in ("", "é\x00😀\t\r\n", "<|endoftext|>"):
        tokens = pairs.encode(text)
        assert pairs.decode(tokens) == text
        assert END not in tokens


def test_other_corpora_have_the_tokens_of_the_library(made, monkeypatch):
    library, context = made
    script = {"a.js": b"function f() {}\n", "b.js": b"var x = 1;\n"}
    monkeypatch.setattr(corpora, "read_javascript", lambda context: script)
    spec = replace(SMALL, source="javascript", files=0, library_files=60)
    assert corpora.library_spec(spec) == SMALL
    corpus = load(spec, context)
    assert corpus.tokenizer == library.tokenizer
    assert "python" not in corpus.facts
    tokens = np.concatenate([getattr(corpus, split).numpy() for split in corpora.SPLITS])
    decoded = BytePairs(corpus.tokenizer).decode(tokens)
    assert sorted(decoded) == sorted("function f() {}\nvar x = 1;\n")


def test_only_modules_that_python_itself_brings(modules):
    tests = read_library(TESTS, "", None)
    assert "json/decoder.py" in modules
    assert not any(p.startswith(("test/", "idlelib/", "site-packages/")) for p in modules)
    assert not any("_sysconfigdata" in p for p in modules)
    assert not set(modules) & set(tests)


def test_the_official_archive_gives_the_same(local_context, monkeypatch):
    inside = {
        "json/decoder.py": b"import re\n",
        "test/test_json.py": b"import json\n",
        "idlelib/run.py": b"",
        "ctypes/test/test_x.py": b"",
    }
    path = local_context.local_source / "python" / "Python-3.11.7.tgz"
    tar_of(path, {f"Python-3.11.7/Lib/{name}": c for name, c in inside.items()})
    monkeypatch.setattr(platform, "python_version", lambda: "3.13.0")
    parts = {MODULES: ["json/decoder.py"], TESTS: ["test/test_json.py"]}
    for part, names in parts.items():
        wanted = {name: inside[name] for name in names}
        monkeypatch.setitem(python_library.CONTENT, part, (1, files_sha256(wanted)))
        assert read_library(part, "3.11.7", local_context) == wanted
    monkeypatch.setitem(python_library.CONTENT, MODULES, (1, "0" * 64))
    with pytest.raises(CorruptDataError, match=r"does not hold the modules of Python 3\.11\.7"):
        read_library(MODULES, "3.11.7", local_context)


def test_another_release_says_what_is_fetched(context, monkeypatch):
    monkeypatch.setattr(platform, "python_version", lambda: "3.13.0")
    assert "Python-3.11.7.tgz (26 MB) from https://www.python.org" in available(
        CorpusSpec(), context
    )
    with pytest.raises(MissingDataError, match=r"Python's standard library: Python-3\.11\.7\.tgz"):
        load(CorpusSpec(), context)
    assert not prepared_path(context, "corpus", "x").parent.joinpath("x.npz").exists()


def test_lodash_is_its_modules_without_what_holds_them_twice(local_context, monkeypatch):
    files = {"_Hash.js": b"1", "fp/add.js": b"2", "lodash.js": b"3", "core.min.js": b"4"}
    inside = {f"package/{name}": content for name, content in files.items()} | {
        "package/README.md": b"5"
    }
    tar_of(local_context.local_source / "javascript" / "lodash-4.17.21.tgz", inside)
    wanted = {"_Hash.js": b"1", "fp/add.js": b"2"}
    monkeypatch.setattr(source_texts, "_LODASH_SHA256", files_sha256(wanted))
    assert source_texts.read_javascript(local_context) == wanted
    assert source_texts.javascript_available(local_context) is None
    monkeypatch.setattr(source_texts, "_LODASH_SHA256", "0" * 64)
    with pytest.raises(CorruptDataError, match="holds other files than it should: 2"):
        source_texts.read_javascript(local_context)


def test_humaneval_is_prompts_with_their_solutions(local_context, monkeypatch):
    row = {"task_id": "HumanEval/0", "prompt": "def f():\n", "canonical_solution": "    return 1\n"}
    rows = [row | {"test": "def check(f):\n    assert f() == 1\n", "entry_point": "f"}]
    path = local_context.local_source / "code" / "HumanEval.jsonl.gz"
    path.parent.mkdir()
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    wanted = {"HumanEval/0.py": b"def f():\n    return 1\n"}
    monkeypatch.setattr(source_texts, "_PROBLEMS_SHA256", files_sha256(wanted))
    assert source_texts.read_humaneval(local_context) == wanted
    (problem,) = source_texts.read_problems(local_context)
    assert (problem.entry, problem.test) == ("f", rows[0]["test"])
    path.write_bytes(b"no archive")
    with pytest.raises(CorruptDataError, match="is not HumanEval"):
        source_texts.read_humaneval(local_context)


def test_what_is_missing_is_named(context):
    with pytest.raises(MissingDataError, match=r"npm pack lodash@4\.17\.21"):
        source_texts.read_javascript(context)
    with pytest.raises(MissingDataError, match=r"HumanEval\.jsonl\.gz"):
        source_texts.read_humaneval(context)
    assert "lodash" in available(CorpusSpec(source="javascript"), context)
    assert "HumanEval" in available(CorpusSpec(source="humaneval"), context)


def test_without_the_extra(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(UserError, match=r"structlab\[lm\]"):
        BytePairs.learn(["x"], 300)


@pytest.mark.data
def test_the_genuine_corpora(genuine_context):
    library = load(CorpusSpec(), genuine_context)
    assert library.facts["files"] == 672
    assert [len(library.train), len(library.val), len(library.test)] == [3917341, 281090, 109468]
    problems = load(CorpusSpec(source="humaneval"), genuine_context)
    assert problems.facts["files"] == int((problems.test == END).sum()) == 164
    assert len(problems.train) == len(problems.val) == 0
    script = load(CorpusSpec(source="javascript"), genuine_context)
    assert script.facts["files"] == 1044
