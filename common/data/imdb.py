"""IMDB large movie review set (Maas et al., ACL 2011): 25,000 + 25,000 reviews, two classes.

Sources in order: `imdb/imdb_{train,test}.jsonl.xz`, the folder `imdb/aclImdb` or the archive
`imdb/aclImdb_v1.tar.gz` of the local source; then the official address. All decode to the same
reviews in the same order (negative before positive, then by number), proved by a pinned hash.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from common.data.archive import archive_files
from common.data.context import DataContext
from common.data.download import RemoteFile, fetch
from common.data.labelled_texts import LabelledTexts
from common.errors import CorruptDataError

OFFICIAL = RemoteFile(
    "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
    "md5:7c2ac02c03563afcf9b574c7e56c153a",
    80,
)
STAND_IN = (
    "Or use task.dataset.source=spamassassin, a small stand-in (its figures are no IMDB figures)."
)
PER_SPLIT = 25_000
CONTENT_SHA256 = "b4af19cf2c3c112aeb9a1a593b32eb61c975338e57173915d298cb229aab4603"

_MEMBER = re.compile(r"(?:.*/)?(train|test)/((neg|pos)/\d+_\d+)\.txt")
_SPLITS = ("train", "test")

Reviews = dict[str, dict[str, str]]  # split -> id ("pos/4715_9") -> text


def read_imdb(context: DataContext) -> dict[str, LabelledTexts]:
    """Train and test reviews, label 1 for positive.

    Raises:
        MissingDataError: if the set is neither at hand nor to be had.
        CorruptDataError: if a source is broken or not this set.
    """
    reviews, origin = _read(context)
    splits = {split: _in_order(reviews[split]) for split in _SPLITS}
    found = reviews_sha256(splits)
    if found != CONTENT_SHA256:
        raise CorruptDataError(
            f"The IMDB reviews in {origin} are not the published set: "
            f"{len(splits['train'].texts)} + {len(splits['test'].texts)} reviews with content "
            f"SHA-256 {found}, expected {PER_SPLIT} + {PER_SPLIT} with {CONTENT_SHA256}."
        )
    return splits


def local_imdb(context: DataContext) -> Path | None:
    """The first local source there is."""
    if all(context.local("imdb", f"imdb_{split}.jsonl.xz") for split in _SPLITS):
        return context.local("imdb")
    for candidate in ("aclImdb", OFFICIAL.filename):
        path = context.local("imdb", candidate)
        if path is not None:
            return path
    downloaded = context.downloads / OFFICIAL.filename
    return downloaded if downloaded.exists() else None


def reviews_sha256(splits: dict[str, LabelledTexts]) -> str:
    """SHA-256 over labels and texts in order."""
    digest = hashlib.sha256()
    for split in _SPLITS:
        for label, text in zip(splits[split].labels, splits[split].texts, strict=True):
            encoded = text.encode("utf-8")
            digest.update(f"{split}|{label}|{len(encoded)}|".encode() + encoded)
    return digest.hexdigest()


def _read(context: DataContext) -> tuple[Reviews, Path]:
    path = local_imdb(context)
    if path is None:
        path = fetch(OFFICIAL, context, set_name="IMDB", alternative=STAND_IN)
    if path.name == "imdb":
        return {split: _read_lines(path / f"imdb_{split}.jsonl.xz") for split in _SPLITS}, path
    members = _folder_files(path) if path.is_dir() else archive_files(path, _is_review)
    return _from_members(members), path


def _read_lines(path: Path) -> dict[str, str]:
    try:
        with lzma.open(path, "rt", encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        return {row["id"]: row["text"] for row in rows}
    except (lzma.LZMAError, EOFError, ValueError, KeyError) as error:
        raise CorruptDataError(
            f"{path} is not a whole .jsonl.xz of reviews ({error}). Get it anew."
        ) from error


def _folder_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.glob("t*/[np]*/*.txt")):
        yield path.relative_to(folder).as_posix(), path.read_bytes()


def _is_review(name: str) -> bool:
    return _MEMBER.fullmatch(name) is not None


def _from_members(members: Iterable[tuple[str, bytes]]) -> Reviews:
    reviews: Reviews = {split: {} for split in _SPLITS}
    for name, content in members:
        match = _MEMBER.fullmatch(name)
        if match:
            reviews[match[1]][match[2]] = content.decode("utf-8")
    return reviews


def _in_order(reviews: dict[str, str]) -> LabelledTexts:
    def key(review_id: str) -> tuple[str, int, int]:
        sentiment, name = review_id.split("/")
        number, rating = name.split("_")
        return sentiment, int(number), int(rating)

    ids = sorted(reviews, key=key)
    return LabelledTexts(
        [reviews[review_id] for review_id in ids],
        [int(review_id.startswith("pos")) for review_id in ids],
    )
