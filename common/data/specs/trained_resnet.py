"""Weights of ResNets that others trained on CIFAR-10."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from common.data.specs.base import require_choice


@dataclass
class TrainedResNetSpec:
    """A trained ResNet for CIFAR-10; see `common.data.trained_resnets`.

    Attributes:
        depth: 20, 32 or 56 layers.
    """

    LOADER: ClassVar[str] = "common.data.trained_resnets"

    depth: int = 20

    def validate(self) -> None:
        """Raise UserError for settings under which no such set exists."""
        require_choice(self, "depth", (20, 32, 56))
