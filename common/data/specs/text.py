"""Texts by characters: IMDB and its stand-in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from common.data.specs.base import require_at_least, require_choice


@dataclass
class TextSpec:
    """Binary classification of texts by characters; see `common.data.text`.

    Attributes:
        source: "imdb" (Maas et al. 2011), or "spamassassin", its small stand-in.
        l_max: a text is cut to l_max - 1 characters, then <eos> is appended.
        min_freq: characters rarer than this in train, counted after the cut, become <unk>.
        train: number of texts, a seeded class-balanced subset; 0 takes all that are left.
        val: number of texts taken from train; 0 means no validation split, as in LRA
            (spamassassin: 0 takes its tenth).
        test: number of texts, a seeded class-balanced subset; 0 takes all.
        split_seed: decides the subsets.
    """

    LOADER: ClassVar[str] = "common.data.text"

    source: str = "imdb"
    l_max: int = 4096
    min_freq: int = 15
    train: int = 0
    val: int = 0
    test: int = 0
    split_seed: int = 42

    def validate(self) -> None:
        """Raise UserError for settings under which no such set exists."""
        require_choice(self, "source", ("imdb", "spamassassin"))
        require_at_least(self, 2, "l_max")
        require_at_least(self, 1, "min_freq")
        require_at_least(self, 0, "train", "val", "test", "split_seed")
