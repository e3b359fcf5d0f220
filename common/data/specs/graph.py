"""Graphs with features, for nodes to be classified and links to be predicted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from common.data.specs.base import require, require_at_least, require_choice


@dataclass
class GraphSpec:
    """A graph and what is held out of it; see `common.data.graphs`.

    Attributes:
        source: "cora", "airport" or "disease".
        task: "nodes", whose classes are to be told, or "links".
        split_seed: decides the split; of Cora's nodes it is the public one (140/500/1000).
        val: part of the nodes or links that is for validation; of Cora's nodes without effect.
        test: the same for testing.
    """

    LOADER: ClassVar[str] = "common.data.graphs"

    source: str = "cora"
    task: str = "nodes"
    split_seed: int = 0
    val: float = 0.15
    test: float = 0.15

    def validate(self) -> None:
        """Raise UserError for settings under which no such set exists."""
        require_choice(self, "source", ("cora", "airport", "disease"))
        require_choice(self, "task", ("nodes", "links"))
        require_at_least(self, 0, "split_seed")
        for field in ("val", "test"):
            require(0 < getattr(self, field) < 0.5, self, field, "above 0 and below 0.5")
        require(
            self.source != "disease" or self.task == "links",
            self,
            "task",
            "'links' for disease, whose other graph has no features that can be had",
        )
