"""ListOps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from common.data.specs.base import require, require_at_least, require_choice


@dataclass
class ListOpsSpec:
    """Nested operations on digits; see `common.data.listops`.

    Attributes:
        max_depth: depth at which every node is a digit (the root has depth 1).
        max_args: most arguments of an operator (the fewest is 2).
        min_length: a tree is kept if min_length < tokens < max_length, both strict.
        max_length: see `min_length`.
        l_max: width of the padded inputs, the closing <eos> included.
        train: number of trees; all trees of the three splits are distinct.
        val: see `train`.
        test: see `train`.
        seed: decides the trees and their split.
        source: "generated", or "tsv" for local_source/listops/basic_{train,val,test}.tsv in the
            official format (then only `l_max` matters of the fields above).
    """

    LOADER: ClassVar[str] = "common.data.listops.dataset"

    max_depth: int = 10
    max_args: int = 10
    min_length: int = 500
    max_length: int = 2000
    l_max: int = 2048
    train: int = 96_000
    val: int = 2_000
    test: int = 2_000
    seed: int = 0
    source: str = "generated"

    def validate(self) -> None:
        """Raise UserError for settings under which no such set exists."""
        require_choice(self, "source", ("generated", "tsv"))
        require_at_least(self, 2, "max_depth", "max_args", "l_max")
        require_at_least(self, 1, "train", "test")
        require_at_least(self, 0, "min_length", "val", "seed")
        require(self.max_args <= 100, self, "max_args", "100 or less")
        require(
            self.max_length >= self.min_length + 2,
            self,
            "max_length",
            f"{self.min_length + 2} or more, as the bounds min_length={self.min_length} < tokens "
            "< max_length are strict",
        )
        require(
            self.source == "tsv" or self.l_max >= self.max_length,
            self,
            "l_max",
            f"max_length={self.max_length} or more, room for the longest tree and <eos>",
        )
