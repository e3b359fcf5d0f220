"""A generated stream of clicks in the shape of Criteo's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from common.data.specs.base import require, require_at_least


@dataclass
class CtrStreamSpec:
    """Clicks of a known law on many ids; see `common.data.ctr_stream`.

    Attributes:
        train: number of rows.
        val: see `train`.
        test: see `train`.
        sparse_fields: categorical fields; their vocabularies grow from `smallest` to `largest` by
            equal factors.
        smallest: ids of the first field.
        largest: ids of the last field.
        exponent: of Zipf's law: id k is drawn in proportion to (k + 1)^-exponent.
        dense_fields: log-normal numbers.
        rank: of the planted interaction.
        decay: factor from each of its components to the next.
        bayes_auc: of the true probabilities: no model ranks better.
        click_rate: their mean.
        seed: decides everything.
    """

    LOADER: ClassVar[str] = "common.data.ctr_stream"

    train: int = 1_000_000
    val: int = 50_000
    test: int = 200_000
    sparse_fields: int = 26
    smallest: int = 10
    largest: int = 1_000_000
    exponent: float = 1.1
    dense_fields: int = 13
    rank: int = 3
    decay: float = 0.5
    bayes_auc: float = 0.8
    click_rate: float = 0.25
    seed: int = 0

    def validate(self) -> None:
        """Raise UserError for settings under which no such set exists."""
        require_at_least(self, 1, "train", "val", "test", "dense_fields", "rank")
        require_at_least(self, 2, "sparse_fields", "smallest")
        require_at_least(self, 0, "exponent", "seed")
        require(self.largest >= self.smallest, self, "largest", f"smallest={self.smallest} or more")
        require(0 < self.decay <= 1, self, "decay", "above 0, at most 1")
        require(0.5 < self.bayes_auc <= 0.95, self, "bayes_auc", "above 0.5, at most 0.95")
        require(0.01 <= self.click_rate <= 0.99, self, "click_rate", "0.01 to 0.99")
