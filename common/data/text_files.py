"""Text files that the user brings (OpenWebText, C4) as streams of tokens, split by file.

Nothing is fetched: the files `text/<name>/*.txt` of the local source are read, and, unless tokens
are bytes, `tokenizer.json` beside them. A file belongs to a split by the hash of its name, as those
of `corpora` do, and ends with token 0.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch

from common.data.byte_pairs import END
from common.data.context import DataContext
from common.data.corpora import SPLITS, Corpus, split_of
from common.data.prepared import Arrays, key, prepare, prepared_path, spec_hash
from common.data.specs.text_files import TextFilesSpec
from common.errors import CorruptDataError, MissingDataError

BYTES = 257
TOKENIZER = "tokenizer.json"
_VERSION = 1  # of the tokens: raise it when splits or encoding change
_FOLDER = "text"


def load(spec: TextFilesSpec, context: DataContext) -> Corpus:
    """Read or make the streams.

    Raises:
        MissingDataError: the folder, its files or its tokenizer are not there.
        CorruptDataError: the tokenizer has another vocabulary, or a split has no file.
        UserError: the extra `lm` is not installed.
    """
    prepared = prepare(context, _FOLDER, _name(spec), lambda: _build(spec, context))
    streams = {s: torch.from_numpy(prepared.arrays[s].astype(np.int32)) for s in SPLITS}
    return Corpus(
        name=spec.name,
        tokenizer=prepared.arrays["tokenizer"].tobytes().decode(),
        vocabulary=spec.vocabulary,
        facts=prepared.facts,
        source=f"{spec.name}, {prepared.facts['files']} files",
        content_sha256=prepared.content_sha256,
        key=prepared_key(spec),
        is_paper_data=spec.name in ("openwebtext", "c4") and not spec.megabytes,
        **streams,
    )


def available(spec: TextFilesSpec, context: DataContext) -> str | None:
    """None, or what has to be put where."""
    if prepared_path(context, _FOLDER, _name(spec)).exists() or _files(spec, context):
        return None
    return str(_missing(spec, context))


def prepared_key(spec: TextFilesSpec) -> str:
    """One file a spec."""
    return key(_FOLDER, _name(spec))


def _name(spec: TextFilesSpec) -> str:
    return f"{spec.name}-{spec_hash(spec, _VERSION)}"


def _files(spec: TextFilesSpec, context: DataContext) -> list[Path]:
    """In the order of the hash of their names; empty if something lacks."""
    folder = context.local(_FOLDER, spec.name)
    if folder is None or (spec.vocabulary != BYTES and not (folder / TOKENIZER).exists()):
        return []
    return sorted(folder.glob("*.txt"), key=lambda p: hashlib.sha256(p.name.encode()).hexdigest())


def _build(spec: TextFilesSpec, context: DataContext) -> tuple[Arrays, dict[str, Any]]:
    files = _files(spec, context)
    if not files:
        raise _missing(spec, context)
    tokenizer, encode = "", _bytes
    if spec.vocabulary != BYTES:
        tokenizer, encode = _tokenizer(files[0].parent / TOKENIZER, spec)
    pieces: dict[str, list[np.ndarray]] = {split: [] for split in SPLITS}
    left = spec.megabytes * 1_000_000
    taken = 0
    for path in files:
        content = path.read_bytes()
        if spec.megabytes and left <= 0:
            break
        left -= len(content)
        taken += 1
        text = content.decode(errors="replace")
        pieces[split_of(path.name)] += [encode(text), np.array([END], dtype=np.uint16)]
    empty = [split for split in SPLITS if not pieces[split]]
    if empty:
        raise CorruptDataError(
            f"{files[0].parent} has no file for {', '.join(empty)}: files are dealt out by the "
            "hash of their names, 90, 5 and 5 in a hundred. Cut the text into more files."
        )
    arrays = {split: np.concatenate(parts) for split, parts in pieces.items()}
    arrays["tokenizer"] = np.frombuffer(tokenizer.encode(), dtype=np.uint8)
    return arrays, {"files": taken, "vocabulary": spec.vocabulary}


def _bytes(text: str) -> np.ndarray:
    """Bytes, after the end of a text."""
    return np.frombuffer(text.encode(), dtype=np.uint8).astype(np.uint16) + 1


def _tokenizer(path: Path, spec: TextFilesSpec):
    from common.data.byte_pairs import BytePairs

    serialised = path.read_text()
    pairs = BytePairs(serialised)
    if pairs.size != spec.vocabulary:
        raise CorruptDataError(
            f"{path} has {pairs.size} tokens, asked for are {spec.vocabulary}. Set "
            "task.dataset.vocabulary, or bring the other one."
        )
    return serialised, pairs.encode


def _missing(spec: TextFilesSpec, context: DataContext) -> MissingDataError:
    place = context.local_source or "the folder that data.local_source names"
    beside = "" if spec.vocabulary == BYTES else f", and {TOKENIZER} of its tokens beside them"
    return MissingDataError(
        f"The text {spec.name}",
        f"It is fetched by nobody here. Put it as many *.txt files into {place}/{_FOLDER}/"
        f"{spec.name}/{beside}.",
    )
