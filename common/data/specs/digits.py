"""scikit-learn's digits as a sequence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from common.data.specs.base import require_at_least
from common.errors import UserError


@dataclass
class DigitsSpec:
    """scikit-learn's 8 x 8 digits as a sequence of pixels: a test-bench, not a published task.

    Attributes:
        upsample: each pixel becomes k x k; 1 gives 64 steps, 2 gives 256.
        train: number of images, of 1,797 in a seeded order.
        val: see `train`.
        test: see `train`.
        split_seed: decides the order.
    """

    LOADER: ClassVar[str] = "common.data.digits"

    upsample: int = 1
    train: int = 1_297
    val: int = 200
    test: int = 300
    split_seed: int = 42

    def validate(self) -> None:
        """Raise UserError for settings under which no such set exists."""
        require_at_least(self, 1, "upsample", "train", "test")
        require_at_least(self, 0, "val", "split_seed")
        total = self.train + self.val + self.test
        if total > 1_797:
            raise UserError(
                f"DigitsSpec asks for train + val + test = {total} images; allowed: 1797 or fewer, "
                "the size of the set."
            )
