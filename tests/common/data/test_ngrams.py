"""Interpolated n-grams: a distribution, and the recursion written out with dictionaries."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from common.data.ngrams import NGrams
from common.errors import InvalidInputError

V = 5


def stream(n=400, seed=0):
    return np.random.default_rng(seed).zipf(1.5, n) % V


def slow(train, order, history, token, discount=0.75):
    """The formula of the docstring, one token at a time."""
    if order == 0:
        return 1 / V
    grams = [tuple(train[i : i + order]) for i in range(len(train) - order + 1)]
    counts = Counter(grams)
    past = tuple(history[len(history) - order + 1 :])
    total = sum(n for gram, n in counts.items() if gram[:-1] == past)
    lower = slow(train, order - 1, history, token, discount)
    if total == 0:
        return lower
    kinds = sum(gram[:-1] == past for gram in counts)
    kept = max(counts[(*past, token)] - discount, 0)
    return (kept + discount * kinds * lower) / total


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_the_written_out_recursion(order):
    train, judged = stream(), stream(60, seed=1)
    model = NGrams(train, order, V)
    found = model.probabilities(judged)
    assert len(found) == len(judged) - order + 1
    for i, p in enumerate(found):
        at = i + order - 1
        assert p == pytest.approx(slow(train, order, judged[:at].tolist(), judged[at]), rel=1e-12)


def test_it_sums_to_one():
    model = NGrams(stream(), 3, V)
    for past in ([0, 1], [4, 4], [3, 2]):
        ps = [model.probabilities(np.array([*past, token]))[0] for token in range(V)]
        assert sum(ps) == pytest.approx(1, abs=1e-12)


def test_perplexity_is_of_all_tokens_but_the_first():
    model = NGrams(stream(), 3, V)
    judged = stream(30, seed=2)
    padded = [0, 0, *judged.tolist()]
    logs = [np.log(slow(stream(), 3, padded[: i + 2], padded[i + 2])) for i in range(1, 30)]
    assert model.perplexity(judged) == pytest.approx(np.exp(-np.mean(logs)), rel=1e-10)


def test_longer_memory_helps_on_a_periodic_stream():
    periodic = np.tile([0, 1, 0, 2, 0, 3], 100)
    perplexities = [NGrams(periodic, n, V).perplexity(periodic) for n in (1, 2, 3)]
    assert perplexities[0] > perplexities[1] > perplexities[2]
    assert perplexities[2] == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((stream(), 0, V), "order=0"),
        ((stream(), 7, 1024), "below 2\\^62"),
        ((stream(), 2, V, 1.0), r"discount=1\.0"),
        ((stream(2), 3, V), "too few for 3-grams"),
    ],
)
def test_what_is_out_of_range(arguments, message):
    with pytest.raises(InvalidInputError, match=message):
        NGrams(*arguments)
