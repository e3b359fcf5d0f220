"""A stream of clicks in the shape of Criteo's, from a law that is known.

Ids follow Zipf's law over vocabularies from small to large, numbers are log-normal. The logit is a
factorisation machine of a given rank, whose components decay, plus a network with one hidden layer
on the same factors and on the logarithms of the numbers; it is scaled and shifted until the true
probabilities have the AUC and the mean that are asked for.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float64, Int32
from numpy import ndarray

from common.data.blocks import block_rng, generate_blocks
from common.data.context import DataContext
from common.data.ctr_encoding import split, to_unit_range
from common.data.ctr_split import CtrData
from common.data.draws import normal, uniform
from common.data.portable import exp, log
from common.data.prepared import Arrays, key, prepare, spec_hash
from common.data.specs.ctr_stream import CtrStreamSpec

_VERSION = 1
_FOLDER = "ctr_stream"
_BLOCK = 1 << 16  # rows
_HIDDEN = 16
_SAMPLE = 10_000  # rows that scale and shift are found on
_HALVINGS = 30


def load(spec: CtrStreamSpec, context: DataContext) -> CtrData:
    """Generate the stream, or read it."""
    prepared = prepare(context, _FOLDER, spec_hash(spec, _VERSION), partial(_build, spec, context))
    arrays = prepared.arrays
    total = len(arrays["labels"])
    train, val, test = np.split(np.arange(total), [spec.train, spec.train + spec.val])
    dense = to_unit_range(arrays["dense"], np.concatenate([train, val]))
    one = partial(split, arrays["fields"], dense, arrays["labels"])
    bayes = prepared.facts["bayes_auc"]
    return CtrData(
        name="ctr_stream",
        fields=tuple(f"C{i + 1}" for i in range(spec.sparse_fields)),
        vocabularies=vocabularies(spec),
        dense_fields=tuple(f"I{i + 1}" for i in range(spec.dense_fields)),
        train=one(train),
        val=one(val),
        test=one(test),
        is_paper_data=False,
        source="generated from a seed",
        content_sha256=prepared.content_sha256,
        key=prepared_key(spec),
        bayes_auc=bayes,
        notes=[
            "Generated in the shape of Criteo, a stand-in: not comparable with published figures.",
            f"The true probabilities have AUC {bayes:.4f} on the test rows.",
        ],
    )


def prepared_key(spec: CtrStreamSpec) -> str:
    """One file a spec."""
    return key(_FOLDER, spec_hash(spec, _VERSION))


def vocabularies(spec: CtrStreamSpec) -> tuple[int, ...]:
    """Ids of each field, from the smallest to the largest by equal factors."""
    step = float(log(np.array(spec.largest / spec.smallest))) / (spec.sparse_fields - 1)
    sizes = spec.smallest * exp(step * np.arange(spec.sparse_fields))
    return tuple(int(size) for size in np.rint(sizes))


class Teacher:
    """What makes a row more or less likely to be clicked.

    Attributes:
        factors: (n_f, rank) for each field, standard normal.
        spectrum: (rank,), decaying.
    """

    def __init__(self, spec: CtrStreamSpec):
        rng = block_rng(spec.seed, 0)
        self.spectrum = spec.decay ** np.arange(spec.rank)
        self.factors = [normal(rng, size, spec.rank) for size in vocabularies(spec)]
        inputs = spec.sparse_fields * spec.rank + spec.dense_fields
        self._first = normal(rng, inputs, _HIDDEN) / np.sqrt(inputs)
        self._second = normal(rng, _HIDDEN) / np.sqrt(_HIDDEN)

    def logits(
        self, ids: Int32[ndarray, "n fields"], logs: Float64[ndarray, "n numbers"]
    ) -> Float64[ndarray, " n"]:
        """Both parts, each of about unit variance.

        Sums run term by term: those of a matrix product depend on the machine.
        """
        fields = len(self.factors)
        vectors = [table[column] for table, column in zip(self.factors, ids.T, strict=True)]
        pairs = np.zeros(len(ids))
        columns = []
        for component, weight in enumerate(self.spectrum):
            total, squares = np.zeros(len(ids)), np.zeros(len(ids))
            for vector in vectors:
                column = vector[:, component]
                columns.append(column)
                total += column
                squares += column * column
            pairs += weight * (total * total - squares) / 2
        variance = fields * (fields - 1) / 2 * float(np.cumsum(self.spectrum**2)[-1])
        columns += list(logs.T)
        network = np.zeros(len(ids))
        for unit in range(_HIDDEN):
            hidden = np.zeros(len(ids))
            for column, weight in zip(columns, self._first[:, unit], strict=True):
                hidden += weight * column
            network += self._second[unit] * np.maximum(hidden, 0)
        return pairs / np.sqrt(variance) + network


def features(spec: CtrStreamSpec, rng: np.random.Generator, count: int):
    """Ids (n, F) int32 and logarithms of the numbers (n, Fd) float64 of ``count`` rows."""
    ids = np.empty((count, spec.sparse_fields), np.int32)
    for place, size in enumerate(vocabularies(spec)):
        mass = np.cumsum(exp(-spec.exponent * log(np.arange(1, size + 1))))
        drawn = np.searchsorted(mass, uniform(rng, count) * mass[-1], side="right")
        ids[:, place] = np.minimum(drawn, size - 1)  # a draw may round up to the whole mass
    return ids, normal(rng, count, spec.dense_fields)


def sigmoid(logits: ndarray) -> ndarray:
    """1 / (1 + e^-x), the same on every machine."""
    return 1 / (1 + exp(np.clip(-logits, -500, 500)))


def expected_auc(probabilities: ndarray) -> float:
    """AUC of probabilities over labels that are drawn with them, in expectation.

    Over all pairs, the chance that the first is a click and the second none: where the first is
    ranked higher, over everywhere. Equal probabilities count half.
    """
    p = np.sort(probabilities)
    below = np.cumsum(1 - p)
    _, first, counts = np.unique(p, return_index=True, return_counts=True)
    before = np.where(first > 0, below[first - 1], 0.0)
    within = below[first + counts - 1] - before
    clicks = p[first] * counts
    won = np.cumsum(clicks * (before + within / 2))[-1]
    return float(won / (np.cumsum(p)[-1] * below[-1]))


def scale_and_shift(logits: ndarray, auc: float, rate: float) -> tuple[float, float]:
    """(a, b) with which sigmoid(a x + b) has this expected AUC and this mean."""

    def shift(scale: float) -> float:
        low, high = -50.0, 50.0
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            mean = np.cumsum(sigmoid(scale * logits + middle))[-1] / len(logits)
            low, high = (middle, high) if mean < rate else (low, middle)
        return low

    low, high = 0.0, 50.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        reached = expected_auc(sigmoid(middle * logits + shift(middle)))
        low, high = (middle, high) if reached < auc else (low, middle)
    return low, shift(low)


def _build(spec: CtrStreamSpec, context: DataContext) -> tuple[Arrays, dict[str, Any]]:
    teacher = Teacher(spec)
    total = spec.train + spec.val + spec.test
    first = _SAMPLE if total > _SAMPLE else total
    sample = teacher.logits(*features(spec, block_rng(spec.seed, 1), first))
    scale, shift = scale_and_shift(sample, spec.bayes_auc, spec.click_rate)
    blocks = generate_blocks(
        partial(_block, spec, teacher, scale, shift, total),
        -(-total // _BLOCK),
        context,
        label="click stream",
    )
    parts = list(blocks)
    arrays = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    probabilities = arrays.pop("probabilities")
    bayes = expected_auc(probabilities[spec.train + spec.val :])
    return arrays, {"bayes_auc": bayes, "scale": scale, "shift": shift}


def _block(
    spec: CtrStreamSpec, teacher: Teacher, scale: float, shift: float, total: int, index: int
) -> Arrays:
    rng = block_rng(spec.seed, 2 + index)
    count = min(_BLOCK, total - index * _BLOCK)
    ids, logs = features(spec, rng, count)
    probabilities = sigmoid(scale * teacher.logits(ids, logs) + shift)
    return {
        "fields": ids,
        "dense": exp(logs).astype(np.float32),
        "labels": (uniform(rng, count) < probabilities).astype(np.int8),
        "probabilities": probabilities,
    }
