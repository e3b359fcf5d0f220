"""Weights of a language model that is trained here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from common.data.specs.base import require, require_at_least


@dataclass
class ReferenceLMSpec:
    """A GPT trained on Python's standard library; see `common.data.reference_lm`.

    Preparing the default takes one to two hours on one core; it goes on where it was cut, and more
    steps go on from where the rate had not begun to fall.

    Attributes:
        layers: blocks.
        width: of the residual stream.
        heads: of attention.
        context: positions, and tokens of a training window.
        fused_qkv: queries, keys and values from one matrix.
        steps: of the optimiser; the default makes 25 M tokens.
        batch_size: windows of a step.
        lr: of AdamW, at the top.
        warmup: steps over which it rises.
        seed: of the initialisation and of the windows.
        vocabulary: as `CorpusSpec` has it.
        python: see ``vocabulary``.
        library_files: files of the library that it is trained on; 0 takes all.
        judged_tokens: validation tokens on which it is compared with n-gram models.
    """

    LOADER: ClassVar[str] = "common.data.reference_lm"

    layers: int = 4
    width: int = 192
    heads: int = 3
    context: int = 256
    fused_qkv: bool = True
    steps: int = 12_208
    batch_size: int = 8
    lr: float = 2.0e-3
    warmup: int = 200
    seed: int = 0
    vocabulary: int = 1024
    python: str = "3.11.7"
    library_files: int = 0
    judged_tokens: int = 25_600

    def validate(self) -> None:
        """Raise UserError for settings under which no such model exists."""
        require_at_least(
            self, 1, "layers", "width", "heads", "context", "steps", "batch_size", "judged_tokens"
        )
        require_at_least(self, 0, "warmup", "seed", "library_files")
        require(self.lr > 0, self, "lr", "above 0")
        require(self.width % self.heads == 0, self, "heads", f"a divisor of width={self.width}")
        require(
            self.judged_tokens >= self.context, self, "judged_tokens", f"{self.context} or more"
        )
