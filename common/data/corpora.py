"""Corpora of source files as streams of tokens, split by file.

A file belongs to a split by the SHA-256 of its path (90 % train, 5 % val, 5 % test), and stands in
it in the order of that hash, closed by the end-of-text token. The tokens of every corpus are those
learnt on the training files of Python's standard library.
"""

from __future__ import annotations

import hashlib
import platform
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Int32
from torch import Tensor

from common.data.byte_pairs import END, BytePairs
from common.data.code_lm import starcoder_tokenizer
from common.data.context import DataContext
from common.data.prepared import Arrays, key, prepare, prepared_path, spec_hash
from common.data.python_library import (
    MODULES,
    TESTS,
    Files,
    files_sha256,
    library_available,
    read_library,
)
from common.data.source_texts import (
    humaneval_available,
    javascript_available,
    read_humaneval,
    read_javascript,
)
from common.data.specs.corpus import CorpusSpec
from common.errors import MissingDataError

SPLITS = ("train", "val", "test")
_VERSION = 1  # of the bytes: raise it when splits or tokens change
_FOLDER = "corpus"
_TITLES = {
    "stdlib": "Python standard library",
    "stdlib_tests": "tests of the Python standard library",
    "javascript": "JavaScript modules of lodash 4.17.21",
    "humaneval": "HumanEval (Chen et al. 2021)",
}


@dataclass(frozen=True)
class Corpus:
    """Streams of tokens.

    Attributes:
        name: of the corpus.
        train: int32; each file ends with token 0.
        val: see ``train``.
        test: see ``train``.
        tokenizer: serialised (``byte_pairs.BytePairs``).
        vocabulary: number of tokens.
        facts: number of files, release of Python, SHA-256 over the sorted files.
        source: what the data are, in a line.
        content_sha256: of the prepared file.
        key: of the prepared file.
        is_paper_data: whether the papers use it.
    """

    name: str
    train: Int32[Tensor, " n"]
    val: Int32[Tensor, " n"]
    test: Int32[Tensor, " n"]
    tokenizer: str
    vocabulary: int
    facts: dict[str, Any]
    source: str
    content_sha256: str
    key: str
    is_paper_data: bool = False


def load(spec: CorpusSpec, context: DataContext) -> Corpus:
    """Read or make the streams.

    Raises:
        MissingDataError: the texts are neither at hand nor to be had.
        CorruptDataError: a source is broken or is another one.
        UserError: the extra `lm` is not installed.
    """
    prepared = prepare(context, _FOLDER, _name(spec), lambda: _build(spec, context))
    streams = {s: torch.from_numpy(prepared.arrays[s].astype(np.int32)) for s in SPLITS}
    return Corpus(
        name=spec.source,
        tokenizer=prepared.arrays["tokenizer"].tobytes().decode(),
        vocabulary=spec.vocabulary,
        facts=prepared.facts,
        source=f"{_TITLES[spec.source]}, {prepared.facts['files']} files",
        content_sha256=prepared.content_sha256,
        key=prepared_key(spec),
        **streams,
    )


def available(spec: CorpusSpec, context: DataContext) -> str | None:
    """None, or what would be fetched."""
    if prepared_path(context, _FOLDER, _name(spec)).exists():
        return None
    own = {
        "javascript": javascript_available,
        "humaneval": humaneval_available,
    }.get(spec.source)
    texts = own(context) if own else None
    if spec.tokens == "starcoder":
        tokens = None if starcoder_tokenizer(context) else str(_no_tokenizer(context))
    else:
        tokens = library_available(spec.python, context)
    return texts or tokens


def prepared_key(spec: CorpusSpec) -> str:
    """Names the release of Python where the specification leaves it to the interpreter."""
    return key(_FOLDER, _name(spec))


def split_of(path: str) -> str:
    """Train, val or test, by the hash of a file's path."""
    bucket = int(_path_hash(path)[:8], 16) % 100
    return SPLITS[0] if bucket < 90 else SPLITS[1] if bucket < 95 else SPLITS[2]


def library_spec(spec: CorpusSpec) -> CorpusSpec:
    """The library on whose training files the tokens of this corpus are learnt."""
    return replace(spec, source="stdlib", files=spec.library_files, library_files=0)


def release_that_runs(spec: CorpusSpec) -> str:
    """Ending of a prepared file's name; empty where the specification fixes the release."""
    return "" if spec.python else f"-cpython-{platform.python_version()}"


def _name(spec: CorpusSpec) -> str:
    return f"{spec.source}-{spec_hash(spec, _VERSION)}{release_that_runs(spec)}"


def _build(spec: CorpusSpec, context: DataContext) -> tuple[Arrays, dict[str, Any]]:
    files = _first(_read(spec, context), spec.files)
    texts = {path: content.decode(errors="replace") for path, content in files.items()}
    if spec.source == "humaneval":
        parts = dict.fromkeys(texts, "test")
    else:
        parts = {path: split_of(path) for path in texts}
    if spec.tokens == "starcoder":
        pairs = BytePairs(_starcoder(context))
    elif spec.source == "stdlib":
        learnt_on = [texts[path] for path in texts if parts[path] == "train"]
        pairs = BytePairs.learn(learnt_on, spec.vocabulary)
    else:
        pairs = BytePairs(load(library_spec(spec), context).tokenizer)
    arrays = {split: _stream(texts, parts, split, pairs) for split in SPLITS}
    arrays["tokenizer"] = np.frombuffer(pairs.serialised.encode(), dtype=np.uint8)
    facts = {"files": len(files), "files_sha256": files_sha256(files), "vocabulary": pairs.size}
    if spec.source in ("stdlib", "stdlib_tests"):
        facts["python"] = spec.python or platform.python_version()
    return arrays, facts


def _starcoder(context: DataContext) -> str:
    found = starcoder_tokenizer(context)
    if found is None:
        raise _no_tokenizer(context)
    return found


def _no_tokenizer(context: DataContext) -> MissingDataError:
    place = context.local_source or "the folder that data.local_source names"
    return MissingDataError(
        "StarCoder's tokenizer",
        f"Get tokenizer.json from https://huggingface.co/bigcode/starcoder and put it in {place}/"
        "starcoder/<name of the model>/.",
    )


def _read(spec: CorpusSpec, context: DataContext) -> Files:
    if spec.source == "javascript":
        return read_javascript(context)
    if spec.source == "humaneval":
        return read_humaneval(context)
    return read_library(MODULES if spec.source == "stdlib" else TESTS, spec.python, context)


def _first(files: Files, count: int) -> Files:
    paths = sorted(files, key=_path_hash)
    return {path: files[path] for path in (paths[:count] if count else paths)}


def _stream(texts: dict[str, str], parts: dict[str, str], split: str, pairs: BytePairs):
    pieces = [
        np.append(pairs.encode(text), np.uint16(END))
        for path, text in texts.items()
        if parts[path] == split
    ]
    return np.concatenate(pieces) if pieces else np.empty(0, dtype=np.uint16)


def _path_hash(path: str) -> str:
    return hashlib.sha256(path.encode()).hexdigest()
