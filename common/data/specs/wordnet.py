"""Glosses of a dictionary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass
class WordNetSpec:
    """WordNet 3.1, the gloss of every synset; see `common.data.wordnet`."""

    LOADER: ClassVar[str] = "common.data.wordnet"

    def validate(self) -> None:
        """There is nothing to choose."""
