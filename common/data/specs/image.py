"""CIFAR-10 as a sequence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from common.data.specs.base import require, require_at_least, require_choice


@dataclass
class ImageSpec:
    """CIFAR-10 as a sequence of pixels, row by row; see `common.data.cifar10`.

    Attributes:
        grey: one luma channel (LRA Image) instead of three colours (sCIFAR).
        downsample: means over k x k blocks; 2 gives 16 x 16, so 256 steps.
        normalisation: "lra_grey" (mean 122.6/255, std 61/255), "colour_s5ptd"
            (.4914 .4822 .4465 / .2023 .1994 .2010), "colour_s4" (the same means /
            .247 .243 .261) or "none" (0..1).
        train: the first images of the 45,000 of the seeded split.
        val: the first images of the other 5,000.
        test: the first images of the test set.
        split_seed: seed of torch's random_split, 42 in the field.
    """

    LOADER: ClassVar[str] = "common.data.cifar10"

    grey: bool = True
    downsample: int = 1
    normalisation: str = "lra_grey"
    train: int = 45_000
    val: int = 5_000
    test: int = 10_000
    split_seed: int = 42

    def validate(self) -> None:
        """Raise UserError for settings under which no such set exists."""
        require_choice(self, "downsample", (1, 2, 4, 8, 16))
        for field, most in (("train", 45_000), ("val", 5_000), ("test", 10_000)):
            least = 0 if field == "val" else 1
            value = getattr(self, field)
            require(least <= value <= most, self, field, f"{least}..{most}")
        require_at_least(self, 0, "split_seed")
        require_choice(
            self,
            "normalisation",
            ("lra_grey", "none") if self.grey else ("colour_s5ptd", "colour_s4", "none"),
        )
