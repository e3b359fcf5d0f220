"""Definitions and the class of what they define."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from common.data.specs.base import require_at_least


@dataclass
class GlossSpec:
    """Glosses of WordNet 3.1 and their 45 lexicographer classes; see `common.data.gloss`.

    Attributes:
        judged: glosses on which figures are reported, of the fifth that is kept apart.
    """

    LOADER: ClassVar[str] = "common.data.gloss"

    judged: int = 4000

    def validate(self) -> None:
        """Raise UserError for less than one."""
        require_at_least(self, 1, "judged")
