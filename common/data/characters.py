"""Texts as sequences of character ids, in the encoding of the state-space loaders.

Ids: <pad> 0, <unk> 1, <eos> 2, then the symbols by descending frequency in train, ties in the
order of their code points (torchtext's rule). A text is cut to l_max - 1 characters and closed
with <eos>.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

PAD, UNK, EOS = 0, 1, 2
SPECIALS = ("<pad>", "<unk>", "<eos>")

_CODE_POINTS = 0x110000
_CHUNK = 2_000


def by_frequency(counts: dict[str, int], min_freq: int) -> list[str]:
    """Symbols seen at least `min_freq` times, most frequent first, ties alphabetical."""
    kept = (symbol for symbol, count in counts.items() if count >= min_freq)
    return sorted(kept, key=lambda symbol: (-counts[symbol], symbol))


def count_characters(texts: Sequence[str], l_max: int) -> dict[str, int]:
    """Frequency of each character in the texts after the cut to l_max - 1."""
    total = np.zeros(_CODE_POINTS, dtype=np.int64)
    for start in range(0, len(texts), _CHUNK):
        chunk = "".join(text[: l_max - 1] for text in texts[start : start + _CHUNK])
        total += np.bincount(_code_points(chunk), minlength=_CODE_POINTS)
    return {chr(code): int(total[code]) for code in np.flatnonzero(total)}


def encode(
    texts: Sequence[str], symbols: Sequence[str], l_max: int
) -> tuple[np.ndarray, np.ndarray]:
    """Ids (N, l_max), uint8 or int16, padded with 0, and true lengths (N,) int64 with <eos>."""
    dtype = id_dtype(len(symbols) + len(SPECIALS))
    table = np.full(_CODE_POINTS, UNK, dtype=dtype)
    table[[ord(symbol) for symbol in symbols]] = np.arange(len(symbols)) + len(SPECIALS)
    ids = np.full((len(texts), l_max), PAD, dtype=dtype)
    lengths = np.empty(len(texts), dtype=np.int64)
    for row, codes in enumerate(_cut_code_points(texts, l_max)):
        ids[row, : len(codes)] = table[codes]
        ids[row, len(codes)] = EOS
        lengths[row] = len(codes) + 1
    return ids, lengths


def id_dtype(vocab_size: int) -> type[np.unsignedinteger] | type[np.signedinteger]:
    """Smallest dtype that holds the ids."""
    return np.uint8 if vocab_size <= 256 else np.int16


def _cut_code_points(texts: Sequence[str], l_max: int) -> Iterator[np.ndarray]:
    for text in texts:
        yield _code_points(text[: l_max - 1])


def _code_points(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
