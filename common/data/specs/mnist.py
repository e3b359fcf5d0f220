"""MNIST as a sequence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from common.data.specs.base import require, require_at_least, require_choice


@dataclass
class MnistSpec:
    """MNIST as a sequence of pixels, row by row (sMNIST, pMNIST); see `common.data.mnist`.

    Attributes:
        downsample: means over k x k blocks; 2 gives 14 x 14, so 196 steps.
        permuted: one fixed random order of the pixels for all images.
        train: the first images of the 54,000 of the seeded split.
        val: the first images of the other 6,000.
        test: the first images of the test set.
        split_seed: of torch's random_split, and of the permutation.
    """

    LOADER: ClassVar[str] = "common.data.mnist"

    downsample: int = 1
    permuted: bool = False
    train: int = 54_000
    val: int = 6_000
    test: int = 10_000
    split_seed: int = 42

    def validate(self) -> None:
        """Raise UserError for settings under which no such set exists."""
        require_choice(self, "downsample", (1, 2, 4, 7))
        for field, most in (("train", 54_000), ("val", 6_000), ("test", 10_000)):
            least = 0 if field == "val" else 1
            value = getattr(self, field)
            require(least <= value <= most, self, field, f"{least}..{most}")
        require_at_least(self, 0, "split_seed")
