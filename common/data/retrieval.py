"""LRA Retrieval: whether two documents belong together, and its synthetic stand-in."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from common.data.aan_files import aan_paths, read_pairs
from common.data.characters import SPECIALS, by_frequency, count_characters, encode
from common.data.context import DataContext
from common.data.planted_keys import planted_pairs
from common.data.prepared import Arrays, key, prepare, spec_hash
from common.data.sequence import SequenceData, SequenceSplit, majority_share
from common.data.specs.retrieval import RetrievalSpec
from common.errors import MissingDataError

SPLITS = ("train", "val", "test")
_VERSION = 1  # of the bytes: raise it when the stand-in or the encoding changes
_PUBLISHED_L_MAX = 4000


def load(spec: RetrievalSpec, context: DataContext) -> SequenceData:
    """Pairs of token sequences (N, 2, l_max) uint8 padded with 0, lengths (N, 2).

    The stand-in's documents are l_max letters, all of full length and without <eos>.

    Raises:
        MissingDataError, CorruptDataError: for absent or broken official files.
    """
    if spec.source == "aan":
        paths = aan_paths(context)
        name = f"{spec_hash(spec, _VERSION)}-{_fingerprint(paths)}"
        build = partial(_aan, spec, paths)
    else:
        name = spec_hash(spec, _VERSION)
        build = partial(_planted, spec)
    prepared = prepare(context, spec.source, name, build)
    facts = prepared.facts
    return SequenceData(
        name="aan" if spec.source == "aan" else "planted_keys",
        **{split: SequenceSplit.from_tokens(prepared.arrays, split) for split in SPLITS},
        n_classes=2,
        vocab_size=facts["vocab_size"],
        channels=None,
        is_paper_data=facts["is_paper_data"],
        source=facts["source"],
        content_sha256=prepared.content_sha256,
        key=key(spec.source, name),
        baselines={"majority": majority_share(prepared.arrays["test_targets"])},
        notes=facts["notes"],
    )


def available(spec: RetrievalSpec, context: DataContext) -> str | None:
    """None, or which official files are missing."""
    if spec.source == "aan":
        try:
            aan_paths(context)
        except MissingDataError as error:
            return str(error)
    return None


def _planted(spec: RetrievalSpec) -> tuple[Arrays, dict[str, Any]]:
    arrays: Arrays = {}
    for split in SPLITS:
        letters, labels = planted_pairs(spec, split)
        lengths = np.full(letters.shape[:2], spec.l_max, dtype=np.int64)
        _add(arrays, split, letters + np.uint8(len(SPECIALS)), lengths, labels)
    facts = {
        "vocab_size": spec.alphabet + len(SPECIALS),
        "is_paper_data": False,
        "source": (
            f"synthetic: {spec.n_keys} keys of {spec.key_length} letters, {spec.copies} copies in "
            f"{spec.l_max} letters, seed {spec.seed} (stand-in for AAN)"
        ),
        "notes": ["Planted keys, a synthetic stand-in: not comparable with any AAN figure."],
    }
    return arrays, facts


def _aan(spec: RetrievalSpec, paths: dict[str, Path]) -> tuple[Arrays, dict[str, Any]]:
    arrays: Arrays = {}
    symbols: list[str] = []
    for split in SPLITS:  # train first: the vocabulary is its
        pairs = read_pairs(paths[split], getattr(spec, split))
        if split == "train":
            counts = count_characters(pairs.first + pairs.second, spec.l_max)
            symbols = by_frequency(counts, min_freq=1)
        encoded = [encode(texts, symbols, spec.l_max) for texts in (pairs.first, pairs.second)]
        inputs, lengths = (np.stack(part, axis=1) for part in zip(*encoded, strict=True))
        _add(arrays, split, inputs, lengths, np.array(pairs.labels, dtype=np.int64))
    whole = (spec.train, spec.val, spec.test, spec.l_max) == (0, 0, 0, _PUBLISHED_L_MAX)
    notes = [] if whole else ["Genuine AAN, reduced: not comparable with published figures."]
    facts = {
        "vocab_size": len(symbols) + len(SPECIALS),
        "is_paper_data": whole,
        "source": "ACL Anthology Network (Radev et al. 2013), LRA's pairs",
        "notes": notes,
    }
    return arrays, facts


def _add(
    arrays: Arrays, split: str, inputs: np.ndarray, lengths: np.ndarray, targets: np.ndarray
) -> None:
    arrays |= {
        f"{split}_inputs": inputs,
        f"{split}_lengths": lengths,
        f"{split}_targets": targets,
    }


def _fingerprint(paths: dict[str, Path]) -> str:
    digest = hashlib.sha256()
    for split in SPLITS:
        with open(paths[split], "rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]
