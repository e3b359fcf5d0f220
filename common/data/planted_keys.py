"""Pairs of documents that share a planted key or do not: the synthetic stand-in for Retrieval.

A document is uniform letters with its key, a fixed n-gram, planted in some of its aligned slots;
the label is 1 when both documents carry the same key. Keys are shared by the splits (keys drawn
anew for every pair would ask a mean-pooled feature to hash strings it has never seen); documents
are fresh.
"""

from __future__ import annotations

import numpy as np

from common.data.blocks import block_rng
from common.data.draws import shuffled, uniform_integers
from common.data.specs.retrieval import RetrievalSpec

_KEYS, _SPLITS = 0, {"train": 1, "val": 2, "test": 3}  # random streams


def planted_pairs(spec: RetrievalSpec, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Letters (N, 2, l_max) uint8 in 0..alphabet-1 and labels (N,) int64, as many of each class
    (odd N: one more 0) in random order."""
    n = getattr(spec, split)
    rng = block_rng(spec.seed, _SPLITS[split])
    labels = (shuffled(rng, n) < n // 2).astype(np.int64)
    first = uniform_integers(rng, 0, spec.n_keys - 1, n)
    other = (first + uniform_integers(rng, 1, spec.n_keys - 1, n)) % spec.n_keys
    carried = np.stack([first, np.where(labels == 1, first, other)], axis=1)
    documents = uniform_integers(rng, 0, spec.alphabet - 1, 2 * n * spec.l_max)
    documents = documents.astype(np.uint8).reshape(2 * n, spec.l_max)
    for document, key in zip(documents, planted_keys(spec)[carried.ravel()], strict=True):
        slots = shuffled(rng, spec.l_max // spec.key_length)[: spec.copies]
        for slot in slots:
            document[slot * spec.key_length : (slot + 1) * spec.key_length] = key
    return documents.reshape(n, 2, spec.l_max), labels


def planted_keys(spec: RetrievalSpec) -> np.ndarray:
    """(n_keys, key_length) uint8, all distinct."""
    rng = block_rng(spec.seed, _KEYS)
    keys: dict[bytes, np.ndarray] = {}
    while len(keys) < spec.n_keys:
        key = uniform_integers(rng, 0, spec.alphabet - 1, spec.key_length).astype(np.uint8)
        keys.setdefault(key.tobytes(), key)
    return np.stack(list(keys.values()))
