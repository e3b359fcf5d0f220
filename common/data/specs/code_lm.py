"""Weights of code language models that others trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from common.data.specs.base import require_choice


@dataclass
class CodeLMSpec:
    """A model of the StarCoder family; see `common.data.code_lm`.

    Attributes:
        name: of the folder `starcoder/<name>` in the local source: "starcoderbase-1b", "-3b", "-7b"
            or "starcoder", of 15.5 billion parameters.
        precision: in which it is held: "float32", "float16" or "bfloat16".
    """

    LOADER: ClassVar[str] = "common.data.code_lm"

    name: str = "starcoder"
    precision: str = "float16"

    def validate(self) -> None:
        """Raise UserError for settings under which no such model exists."""
        require_choice(
            self, "name", ("starcoderbase-1b", "starcoderbase-3b", "starcoderbase-7b", "starcoder")
        )
        require_choice(self, "precision", ("float32", "float16", "bfloat16"))
