"""Features of images and texts that no label and no record of the set has shaped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from common.data.specs.base import require_at_least, require_choice


@dataclass
class FeaturesSpec:
    """Vectors of norm 1 with a class each; see `common.data.features`.

    Attributes:
        source: `cifar10_hog` (histograms of oriented gradients), `spamassassin` or `glosses`
            (mean-pooled outputs of MiniLM).
        classes: of the glosses the largest ones, 0 for all 45; of the others all are taken.
        per_class: glosses of each class, where ``classes`` says how many; the first by hash.
    """

    LOADER: ClassVar[str] = "common.data.features"

    source: str = "cifar10_hog"
    classes: int = 10
    per_class: int = 412

    def validate(self) -> None:
        """Raise UserError for settings under which no such set exists."""
        require_choice(self, "source", ("cifar10_hog", "spamassassin", "glosses"))
        require_at_least(self, 0, "classes")
        require_at_least(self, 2, "per_class")
