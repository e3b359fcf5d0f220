"""Fashion-MNIST as images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from common.data.specs.base import require


@dataclass
class FashionMnistSpec:
    """A part of each split of Fashion-MNIST; see `common.data.fashion_mnist`.

    Attributes:
        train: the first images of the official training set.
        test: the first images of the official test set.
    """

    LOADER: ClassVar[str] = "common.data.fashion_mnist"

    train: int = 60_000
    test: int = 10_000

    def validate(self) -> None:
        """Raise UserError for settings under which no such set exists."""
        for field, most in (("train", 60_000), ("test", 10_000)):
            require(1 <= getattr(self, field) <= most, self, field, f"1..{most}")
