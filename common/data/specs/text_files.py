"""Text that one brings oneself, as tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from common.data.specs.base import require, require_at_least


@dataclass
class TextFilesSpec:
    """A folder of text files as streams of tokens; see `common.data.text_files`.

    Attributes:
        name: of the folder `text/<name>` in the local source ("openwebtext", "c4").
        vocabulary: number of tokens: 257, bytes and the end of a text; else that of the
            `tokenizer.json` beside the files (GPT-2's have 50,257).
        megabytes: of the texts, the first in the order of the hash of their names; 0 takes all.
    """

    LOADER: ClassVar[str] = "common.data.text_files"

    name: str = "openwebtext"
    vocabulary: int = 50_257
    megabytes: int = 0

    def validate(self) -> None:
        """Raise UserError for settings under which no such set exists."""
        require(
            bool(re.fullmatch(r"[a-z0-9_-]+", self.name)), self, "name", "letters, digits, _, -"
        )
        require(257 <= self.vocabulary <= 65_536, self, "vocabulary", "257 to 65536")
        require_at_least(self, 0, "megabytes")
