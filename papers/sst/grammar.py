"""A generated pair of languages: the stand-in for IWSLT'14 and Multi30k.

The source has the order subject, verb, object, place; articles and adjectives stand before their
noun, number is a word of its own ("two"), tense an ending of the verb. The target puts the place
first and the verb last, adjectives behind their noun, drops the article, marks number and case by
endings of the noun, lets the adjective agree with its noun in number, and the verb with its subject
and in tense. Every source sentence has exactly one translation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from common.data.blocks import block_rng
from common.data.draws import uniform_integers

PAD, START, END = 0, 1, 2
SPECIAL = ("<pad>", "<s>", "</s>")
SUBJECT, OBJECT, PLACE = "ne", "ko", "me"
_PLACES = ("in", "near", "behind", "under")
_TENSES = ("ed", "s", "will")


@dataclass(frozen=True)
class Grammar:
    """Sizes of the two languages.

    Attributes:
        nouns: stems.
        verbs: stems.
        adjectives: stems.
        seed: of the sentences.
    """

    nouns: int = 60
    verbs: int = 30
    adjectives: int = 24
    seed: int = 0

    def pairs(self, count: int, block: int) -> list[tuple[list[str], list[str]]]:
        """Source and target words of different sentences; a function of seed and block."""
        draw = _Draws(block_rng(self.seed, block))
        found: dict[tuple[str, ...], list[str]] = {}
        while len(found) < count:
            source, target = self._sentence(draw)
            found.setdefault(tuple(source), target)
        return [(list(source), target) for source, target in found.items()]

    def splits(
        self, train: int, val: int, test: int
    ) -> dict[str, list[tuple[list[str], list[str]]]]:
        """No sentence stands in two of them."""
        every = self.pairs(train + val + test, 0)
        return {
            "test": every[:test],
            "val": every[test : test + val],
            "train": every[test + val :],
        }

    def _sentence(self, draw: _Draws) -> tuple[list[str], list[str]]:
        subject_source, subject_target, plural = self._noun_phrase(draw, SUBJECT)
        verb, tense = draw.rare_or_common(self.verbs), draw.below(3)
        source = [*subject_source]
        source += ["will", f"v{verb}"] if tense == 2 else [f"v{verb}{_TENSES[tense]}"]
        ending = ("ta", "ra", "go")[tense] + ("n" if plural else "")
        target = [*subject_target]
        if draw.below(4):
            object_source, object_target, _ = self._noun_phrase(draw, OBJECT)
            source += object_source
            target += object_target
        target.append(f"V{verb}{ending}")
        if draw.below(2):
            place = draw.below(len(_PLACES))
            place_source, place_target, _ = self._noun_phrase(draw, PLACE)
            source += [_PLACES[place], *place_source]
            target = [*place_target, f"P{place}", *target]
        return source, target

    def _noun_phrase(self, draw: _Draws, case: str) -> tuple[list[str], list[str], bool]:
        noun, plural = draw.rare_or_common(self.nouns), draw.below(2) == 1
        adjectives = [
            draw.rare_or_common(self.adjectives) for _ in range(max(0, draw.below(4) - 1))
        ]
        article = ("two", "many")[draw.below(2)] if plural else ("the", "a")[draw.below(2)]
        source = [article, *(f"a{i}" for i in adjectives), f"n{noun}"]
        number = "lu" if plural else ""
        count = ["DU"] if article == "two" else []
        target = [*count, f"N{noun}{number}{case}", *(f"A{i}{number}" for i in adjectives)]
        return source, target, plural


class _Draws:
    """Small integers from one stream."""

    def __init__(self, rng: np.random.PCG64):
        self._stream = self._numbers(rng)

    @staticmethod
    def _numbers(rng: np.random.PCG64) -> Iterator[int]:
        while True:
            yield from uniform_integers(rng, 0, 2**31 - 1, 4096).tolist()

    def below(self, n: int) -> int:
        return next(self._stream) % n

    def rare_or_common(self, n: int) -> int:
        """Small numbers more often: the smaller of two."""
        return min(self.below(n), self.below(n))


def vocabulary(sentences: list[list[str]]) -> dict[str, int]:
    """Word -> token, in the order of the alphabet, after the special ones."""
    words = sorted({word for sentence in sentences for word in sentence})
    return {word: i for i, word in enumerate((*SPECIAL, *words))}


def encoded(sentences: list[list[str]], tokens: dict[str, int], *, ends: bool) -> np.ndarray:
    """(N, T) int64, padded; with ``ends`` between start and end tokens. Words that are not in the
    vocabulary are left out of it by the caller's split: a KeyError is a mistake."""
    rows = [[tokens[word] for word in sentence] for sentence in sentences]
    rows = [[START, *row, END] for row in rows] if ends else [[*row, END] for row in rows]
    width = max(map(len, rows))
    return np.array([row + [PAD] * (width - len(row)) for row in rows], dtype=np.int64)
