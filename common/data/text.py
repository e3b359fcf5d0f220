"""LRA Text: sentiment of reviews read character by character, and its small stand-in."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from common.data.blocks import block_rng
from common.data.characters import SPECIALS, by_frequency, count_characters, encode
from common.data.context import DataContext
from common.data.draws import shuffled
from common.data.labelled_texts import LabelledTexts
from common.data.prepared import Arrays, key, prepare, prepared_path, spec_hash
from common.data.sequence import SequenceData, SequenceSplit, majority_share
from common.data.specs.text import TextSpec
from common.errors import CorruptDataError, UserError

# One-hot width at paper scale: hard-coded in S5's loader, one column more than there are ids.
S5_INPUT_WIDTH = 135
FULL_VOCABULARY = 134

_VERSION = 1  # of the bytes: raise it when the subsets or the encoding change


def load(spec: TextSpec, context: DataContext) -> SequenceData:
    """Character ids (N, l_max) uint8 (int16 beyond 256 ids), padded with 0.

    Source: Maas et al. (2011) in the encoding of state-spaces/s4: vocabulary of the characters
    seen `min_freq` times or more in train, counted after the cut.

    Raises:
        UserError: if more texts are asked for than there are.
        MissingDataError, CorruptDataError: see `common.data.imdb`, `common.data.spamassassin`.
    """
    name = spec_hash(spec, _VERSION)
    prepared = prepare(context, spec.source, name, partial(_arrays, spec, context))
    facts = prepared.facts
    full = spec == TextSpec(split_seed=spec.split_seed)
    if full and facts["vocab_size"] != FULL_VOCABULARY:
        raise CorruptDataError(
            f"The IMDB vocabulary has {facts['vocab_size']} entries at the published setting; the "
            f"genuine set has {FULL_VOCABULARY}."
        )
    return SequenceData(
        name=spec.source,
        **{
            split: SequenceSplit.from_tokens(prepared.arrays, split)
            for split in ("train", "val", "test")
        },
        n_classes=2,
        vocab_size=facts["vocab_size"],
        channels=None,
        is_paper_data=full,
        source=facts["source"],
        content_sha256=prepared.content_sha256,
        key=key(spec.source, name),
        baselines=facts["baselines"],
        notes=facts["notes"],
    )


def available(spec: TextSpec, context: DataContext) -> str | None:
    """None, or what would be fetched."""
    if prepared_path(context, spec.source, spec_hash(spec, _VERSION)).exists():
        return None
    if spec.source == "imdb":
        from common.data.download import would_fetch
        from common.data.imdb import OFFICIAL, local_imdb

        return None if local_imdb(context) else would_fetch(OFFICIAL, context)
    from common.data.spamassassin import spamassassin_available

    return spamassassin_available(context)


def balanced_subset(labels: list[int], sizes: list[int], seed: int) -> list[list[int]]:
    """Disjoint random subsets with equally many of each of two classes (odd sizes: one more of
    class 0), each in random order; a size of 0 takes all that are left, balanced or not.

    Raises:
        UserError: if a class has too few members.
    """
    order = shuffled(block_rng(seed, 0), len(labels))
    pools = [[int(i) for i in order if labels[i] == label] for label in (0, 1)]
    subsets = []
    for size in sizes:
        shares = (size - size // 2, size // 2) if size else tuple(map(len, pools))
        if any(share > len(pool) for share, pool in zip(shares, pools, strict=True)):
            raise UserError(
                f"{sizes} texts with equally many of both classes are asked for; the set has "
                f"{labels.count(0)} and {labels.count(1)}. Ask for fewer."
            )
        chosen = {i for share, pool in zip(shares, pools, strict=True) for i in pool[:share]}
        pools = [pool[share:] for share, pool in zip(shares, pools, strict=True)]
        subsets.append([int(i) for i in order if int(i) in chosen])
    return subsets


def _arrays(spec: TextSpec, context: DataContext) -> tuple[Arrays, dict[str, Any]]:
    splits = _imdb_splits(spec, context) if spec.source == "imdb" else _spam_splits(spec, context)
    symbols = by_frequency(count_characters(splits["train"].texts, spec.l_max), spec.min_freq)
    arrays: Arrays = {}
    for split, rows in splits.items():
        inputs, lengths = encode(rows.texts, symbols, spec.l_max)
        arrays |= {
            f"{split}_inputs": inputs,
            f"{split}_lengths": lengths,
            f"{split}_targets": np.array(rows.labels, dtype=np.int64),
        }
    return arrays, _facts(spec, arrays, len(symbols) + len(SPECIALS))


def _imdb_splits(spec: TextSpec, context: DataContext) -> dict[str, LabelledTexts]:
    from common.data.imdb import read_imdb

    reviews = read_imdb(context)
    labels = reviews["train"].labels
    if spec.val:
        # val first: `train=0` then takes all the rest
        val, train = balanced_subset(labels, [spec.val, spec.train], spec.split_seed)
    else:
        (train,) = balanced_subset(labels, [spec.train], spec.split_seed)
        val = []
    (test,) = balanced_subset(reviews["test"].labels, [spec.test], spec.split_seed)
    return {
        "train": reviews["train"].take(train),
        "val": reviews["train"].take(val),
        "test": reviews["test"].take(test),
    }


def _spam_splits(spec: TextSpec, context: DataContext) -> dict[str, LabelledTexts]:
    from common.data.spamassassin import read_spamassassin

    return read_spamassassin(context, spec)


def _facts(spec: TextSpec, arrays: Arrays, vocab_size: int) -> dict[str, Any]:
    sizes = [len(arrays[f"{split}_targets"]) for split in ("train", "val", "test")]
    notes = []
    if spec.source == "spamassassin":
        source = "SpamAssassin public corpus, message bodies (stand-in for IMDB)"
        notes.append("Spam or ham, a stand-in: not comparable with any IMDB figure.")
    else:
        source = "IMDB large movie review set (Maas et al. 2011)"
        if spec.train or spec.val or spec.test or spec.l_max != TextSpec.l_max:
            notes.append(
                f"Genuine IMDB, reduced to {sizes[0]}/{sizes[1]}/{sizes[2]} reviews (seeded random "
                f"subsets with equally many of both classes) of at most {spec.l_max - 1} "
                "characters: not comparable with published figures."
            )
        if not spec.val:
            notes.append(
                "No validation split: the test split serves for selection, as in LRA, S4 and S5."
            )
    return {
        "source": source,
        "vocab_size": vocab_size,
        "baselines": {"majority": majority_share(arrays["test_targets"])},
        "notes": notes,
    }
