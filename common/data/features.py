"""Features to classify by, where the map that makes them has seen no record of the set: histograms
of oriented gradients of CIFAR-10, MiniLM's vectors of e-mails and of glosses.

Computed once and kept; the last bits depend on the machine that computed them.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float32, Int64

from common.data import cifar10_files, minilm, spamassassin, wordnet
from common.data.context import DataContext
from common.data.oriented_gradients import histograms
from common.data.prepared import Arrays, key, prepare, prepared_path
from common.data.sentence_vectors import sentence_vectors
from common.data.specs.features import FeaturesSpec
from common.data.specs.minilm import MiniLMSpec
from common.data.specs.text import TextSpec
from common.data.specs.wordnet import WordNetSpec
from common.errors import UserError

GLOSSES = 14_000
SPAM_TRAIN = 4_800
_FOLDER = "features"
_NAMES = {
    "cifar10_hog": "CIFAR-10, histograms of oriented gradients",
    "spamassassin": "SpamAssassin, MiniLM vectors",
    "glosses": "WordNet glosses, MiniLM vectors",
}


@dataclass(frozen=True)
class FeatureRows:
    """Rows of norm 1, or 0, and their classes."""

    x: Float32[np.ndarray, "n d"]
    y: Int64[np.ndarray, " n"]


@dataclass(frozen=True)
class Features:
    """Two splits, and where they come from."""

    train: FeatureRows
    test: FeatureRows
    n_classes: int
    name: str
    source: str
    content_sha256: str
    key: str
    is_paper_data: bool = False


def load(spec: FeaturesSpec, context: DataContext) -> Features:
    """CIFAR-10 as it is split; of 6,046 e-mails 4,800 to train on, of the glosses four fifths, of
    each class where classes are chosen, by the hash of the text. Classes count from 0.

    Raises:
        MissingDataError: a source, or what computes the features, is not to be had.
        CorruptDataError: a source is damaged, or is another set.
        UserError: more glosses a class than there are.
    """
    build = {"cifar10_hog": _images, "spamassassin": _mails, "glosses": _glosses}[spec.source]
    prepared = prepare(context, _FOLDER, spec.source, partial(build, context))
    x, y = prepared.arrays["x"], prepared.arrays["y"].astype(np.int64)
    train, test = np.split(np.arange(len(y)), [prepared.facts["train"]])
    if spec.source == "glosses" and spec.classes:
        train, test, y = _classes(y, spec)
    return Features(
        FeatureRows(x[train], y[train]),
        FeatureRows(x[test], y[test]),
        int(y.max()) + 1,
        _NAMES[spec.source],
        prepared.facts["source"],
        prepared.content_sha256,
        prepared_key(spec),
    )


def available(spec: FeaturesSpec, context: DataContext) -> str | None:
    """None, or what would be fetched."""
    if prepared_path(context, _FOLDER, spec.source).exists():
        return None
    if spec.source == "cifar10_hog":
        return cifar10_files.fetch_plan(context)
    texts = (
        spamassassin.spamassassin_available(context)
        if spec.source == "spamassassin"
        else wordnet.available(WordNetSpec(), context)
    )
    return texts or minilm.available(MiniLMSpec(), context)


def prepared_key(spec: FeaturesSpec) -> str:
    """One file a source."""
    return key(_FOLDER, spec.source)


def by_hash(texts: Sequence[str]) -> list[int]:
    """Places in the order of the texts' SHA-256."""
    hashed = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    return sorted(range(len(texts)), key=lambda i: (hashed[i], i))


def _images(context: DataContext) -> tuple[Arrays, dict[str, Any]]:
    arrays = cifar10_files.read_cifar10(context)
    context.announce("Computing histograms of oriented gradients of CIFAR-10: some minutes, once.")
    images = np.concatenate([arrays["train_images"], arrays["test_images"]])
    labels = np.concatenate([arrays["train_labels"], arrays["test_labels"]])
    return (
        {"x": histograms(images), "y": labels.astype(np.uint8)},
        {"train": len(arrays["train_images"]), "source": "CIFAR-10 (Krizhevsky 2009)"},
    )


def _mails(context: DataContext) -> tuple[Arrays, dict[str, Any]]:
    parts = spamassassin.read_spamassassin(context, TextSpec(source="spamassassin")).values()
    texts, labels = (
        [one for part in parts for one in getattr(part, of)] for of in ("texts", "labels")
    )
    return _texts(context, texts, labels, SPAM_TRAIN, "SpamAssassin public corpus")


def _glosses(context: DataContext) -> tuple[Arrays, dict[str, Any]]:
    source = wordnet.load(WordNetSpec(), context)
    first = by_hash(source.glosses)[:GLOSSES]
    texts, labels = ([of[i] for i in first] for of in (source.glosses, source.classes))
    return _texts(context, texts, labels, GLOSSES * 4 // 5, source.source)


def _texts(
    context: DataContext, texts: list[str], labels: list[int], train: int, source: str
) -> tuple[Arrays, dict[str, Any]]:
    encoder = minilm.load(MiniLMSpec(), context)
    context.announce(f"Encoding {len(texts)} texts of {source}: some minutes, once.")
    order = by_hash(texts)
    found = sentence_vectors(encoder, [texts[i] for i in order])
    arrays = {"x": found, "y": np.array([labels[i] for i in order], dtype=np.uint8)}
    return arrays, {"train": train, "source": f"{source}; {encoder.source}"}


def _classes(
    y: Int64[np.ndarray, " n"], spec: FeaturesSpec
) -> tuple[Int64[np.ndarray, " train"], Int64[np.ndarray, " test"], Int64[np.ndarray, " n"]]:
    """Rows of the largest classes for either split, in order; and classes anew, the largest first.

    Each class by itself: its first rows lie further back the rarer it is.
    """
    largest = [label for label, _ in Counter(y.tolist()).most_common(spec.classes)]
    train, test = [], []
    renamed = np.full_like(y, -1)
    for place, label in enumerate(largest):
        rows = np.flatnonzero(y == label)
        if len(rows) < spec.per_class:
            raise UserError(
                f"FeaturesSpec.per_class is {spec.per_class}; class {label} has {len(rows)} "
                f"glosses. Ask for fewer glosses or fewer classes ({spec.classes})."
            )
        renamed[rows] = place
        cut = spec.per_class * 4 // 5
        train.append(rows[:cut])
        test.append(rows[cut : spec.per_class])
    return np.sort(np.concatenate(train)), np.sort(np.concatenate(test)), renamed
