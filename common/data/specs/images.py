"""Images as images, for convolutional networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from common.data.specs.base import require, require_choice


@dataclass
class ImagesSpec:
    """CIFAR-10 or MNIST, a part of each split; see `common.data.labelled_images`.

    Attributes:
        source: `cifar10` or `mnist`.
        train: the first images of the official training set.
        test: the first images of the official test set.
        normalisation: mean and deviation of each channel, one of
            `common.data.labelled_images.NORMALISATIONS`.
    """

    LOADER: ClassVar[str] = "common.data.labelled_images"

    source: str = "cifar10"
    train: int = 50_000
    test: int = 10_000
    normalisation: str = "cifar10"

    def validate(self) -> None:
        """Raise UserError for settings under which no such set exists."""
        most = {"cifar10": 50_000, "mnist": 60_000}
        require_choice(self, "source", most)
        require_choice(self, "normalisation", ("cifar10", "imagenet", "mnist"))
        for field, size in (("train", most[self.source]), ("test", 10_000)):
            require(1 <= getattr(self, field) <= size, self, field, f"1..{size}")
        grey = self.normalisation == "mnist"
        require(
            grey == (self.source == "mnist"),
            self,
            "normalisation",
            "mnist for mnist, cifar10 or imagenet for cifar10",
        )
