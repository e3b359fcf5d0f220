"""Sweeping tones in noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from common.data.specs.base import require_at_least


@dataclass
class ChirpsSpec:
    """Sweeping tones in noise, generated: a stand-in for raw speech; see `common.data.chirps`.

    Attributes:
        length: samples of a signal; 16,000 is one second of speech.
        noise: standard deviation of the noise (a tone has amplitudes from 0.5 to 1.5).
        train: number of signals.
        val: see `train`.
        test: see `train`.
        seed: decides the signals.
    """

    LOADER: ClassVar[str] = "common.data.chirps"

    length: int = 16_000
    noise: float = 0.5
    train: int = 10_000
    val: int = 1_000
    test: int = 2_000
    seed: int = 0

    def validate(self) -> None:
        """Raise UserError for settings under which no such set exists."""
        require_at_least(self, 16, "length")
        require_at_least(self, 1, "train", "test")
        require_at_least(self, 0, "noise", "val", "seed")
