from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from common.data.characters import by_frequency, count_characters, encode, id_dtype

texts = st.lists(st.text(max_size=12), min_size=1, max_size=5)


@settings(deadline=None)
@given(texts, st.integers(2, 10), st.integers(1, 3))
def test_against_a_plain_reference(rows, l_max, min_freq):
    counts = Counter("".join(text[: l_max - 1] for text in rows))
    assert count_characters(rows, l_max) == counts
    symbols = by_frequency(counts, min_freq)
    assert set(symbols) == {c for c, count in counts.items() if count >= min_freq}
    ids, lengths = encode(rows, symbols, l_max)
    assert ids.shape == (len(rows), l_max)
    for text, row, length in zip(rows, ids, lengths, strict=True):
        expected = [symbols.index(c) + 3 if c in symbols else 1 for c in text[: l_max - 1]] + [2]
        assert length == len(expected)
        assert row[:length].tolist() == expected
        assert not row[length:].any()
        assert row[:length].all(), "padding is no token"


def test_order_is_by_frequency_then_code_point():
    assert by_frequency({"b": 2, "a": 2, "c": 5, "z": 1}, min_freq=2) == ["c", "a", "b"]


def test_many_symbols_take_two_bytes():
    assert id_dtype(256) is np.uint8
    assert id_dtype(257) is np.int16
    symbols = [chr(0x4E00 + i) for i in range(400)]
    ids, _ = encode(["".join(symbols)], symbols, 401)
    assert ids[0, 399] == 402
    assert ids[0, 400] == 2
