"""Sentences and pairs of sentences with labels: four sets of GLUE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from common.data.specs.base import require_choice

GLUE_SETS = ("cola", "mrpc", "rte", "sst2")


@dataclass
class GlueSpec:
    """One set of GLUE with public labels (Wang et al. 2019), whole; see `common.data.glue`.

    Attributes:
        source: "cola", "mrpc", "rte" or "sst2".
    """

    LOADER: ClassVar[str] = "common.data.glue"

    source: str = "sst2"

    def validate(self) -> None:
        """Raise UserError for another set."""
        require_choice(self, "source", GLUE_SETS)
