"""Weights of a sentence encoder that others trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass
class MiniLMSpec:
    """all-MiniLM-L6-v2, a BERT of 6 layers and width 384; see `common.data.minilm`."""

    LOADER: ClassVar[str] = "common.data.minilm"

    def validate(self) -> None:
        """There is nothing to choose."""
