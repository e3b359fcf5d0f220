"""Source text as tokens, for language models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from common.data.specs.base import require, require_at_least, require_choice


@dataclass
class CorpusSpec:
    """A corpus of source files, tokenised; see `common.data.corpora`.

    Attributes:
        source: "stdlib", the modules of Python's standard library; "stdlib_tests", its folder of
            tests; "javascript", the modules of lodash; "humaneval", 164 problems with their
            solutions, all of them test.
        python: release of CPython whose library it is, and on whose modules the tokens are learnt;
            "" takes the release that runs.
        tokens: "learnt" by byte-pair encoding on the training files of the library, or those of
            "starcoder", which lie beside its weights (`common.data.code_lm`).
        vocabulary: number of tokens; StarCoder's are 49,152.
        files: the first files in the order of the hash of their path; 0 takes all.
        library_files: the same for the files that the tokens are learnt on.
    """

    LOADER: ClassVar[str] = "common.data.corpora"

    source: str = "stdlib"
    python: str = "3.11.7"
    tokens: str = "learnt"
    vocabulary: int = 1024
    files: int = 0
    library_files: int = 0

    def validate(self) -> None:
        """Raise UserError for settings under which no such set exists."""
        require_choice(self, "source", ("stdlib", "stdlib_tests", "javascript", "humaneval"))
        require_choice(self, "python", ("3.11.7", ""))
        require_choice(self, "tokens", ("learnt", "starcoder"))
        # All bytes and the end of a text; tokens are stored in 16 bits.
        require(257 <= self.vocabulary <= 65_536, self, "vocabulary", "257 to 65536")
        require(
            self.tokens == "learnt" or self.vocabulary == 49_152,
            self,
            "vocabulary",
            "49152, the tokens of starcoder",
        )
        require_at_least(self, 0, "files", "library_files")
