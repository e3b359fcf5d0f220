"""A gloss of WordNet, up to its first semicolon, and which of 45 classes its synset is of."""

from __future__ import annotations

import hashlib

from common.data import wordnet
from common.data.context import DataContext
from common.data.glue import LabelledSentences
from common.data.glue_files import Rows
from common.data.specs.gloss import GlossSpec
from common.data.specs.wordnet import WordNetSpec

CLASSES = 45


def load(spec: GlossSpec, context: DataContext) -> LabelledSentences:
    """Four fifths to train on, of the last fifth the first ``judged``, in an order by hash.

    A gloss that several synsets share is on one side only: the hash is that of its text.

    Raises:
        MissingDataError, CorruptDataError: see `common.data.wordnet`.
    """
    source = wordnet.load(WordNetSpec(), context)
    texts = [gloss.partition(";")[0].strip() for gloss in source.glosses]
    hashed = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    order = sorted(range(len(texts)), key=lambda i: (hashed[i], i))
    # The first fifth of the hexadecimal numbers.
    apart = [i for i in order if int(hashed[i][:4], 16) < 65_536 // 5]
    inside = [i for i in order if int(hashed[i][:4], 16) >= 65_536 // 5]

    def rows(chosen: list[int]) -> Rows:
        return Rows([texts[i] for i in chosen], [], [source.classes[i] for i in chosen])

    return LabelledSentences(
        train=rows(inside),
        dev=rows(apart[: spec.judged]),
        name="WordNet classes",
        source=f"{source.source}, classes of the lexicographers",
        content_sha256=source.content_sha256,
        key=source.key,
        metric="accuracy",
        is_paper_data=False,
        n_classes=CLASSES,
    )


def available(spec: GlossSpec, context: DataContext) -> str | None:
    """None, or what would be fetched."""
    return wordnet.available(WordNetSpec(), context)


def prepared_key(spec: GlossSpec) -> str:
    """That of the synsets."""
    return wordnet.prepared_key(WordNetSpec())
