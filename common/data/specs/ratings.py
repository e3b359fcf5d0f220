"""Ratings of items by users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from common.data.specs.base import require_at_least


@dataclass
class RatingsSpec:
    """MovieLens-100K; see `common.data.ratings`.

    Attributes:
        test_of: one of so many ratings is for the test, by a hash of user and item.
    """

    LOADER: ClassVar[str] = "common.data.ratings"

    test_of: int = 5

    def validate(self) -> None:
        """Raise UserError unless two splits are left."""
        require_at_least(self, 2, "test_of")
