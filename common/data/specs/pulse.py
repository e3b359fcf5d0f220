"""Pulse waves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from common.data.specs.base import require_at_least, require_choice


@dataclass
class PulseSpec:
    """Pulse waves, generated: a stand-in for BIDMC; see `common.data.pulse`.

    Attributes:
        target: "heart_rate", "breathing_rate" or "saturation".
        length: samples of a signal.
        sampling_rate: samples a second.
        noise: standard deviation of the noise (a pulse has a height of about 1).
        train: number of signals.
        val: see `train`.
        test: see `train`.
        seed: decides the signals.
    """

    LOADER: ClassVar[str] = "common.data.pulse"

    target: str = "heart_rate"
    length: int = 4_000
    sampling_rate: float = 125.0
    noise: float = 0.2
    train: int = 5_000
    val: int = 500
    test: int = 1_000
    seed: int = 0

    def validate(self) -> None:
        """Raise UserError for settings under which no such set exists."""
        require_choice(self, "target", ("heart_rate", "breathing_rate", "saturation"))
        require_at_least(self, 16, "length")
        require_at_least(self, 1, "train", "test", "sampling_rate")
        require_at_least(self, 0, "noise", "val", "seed")
