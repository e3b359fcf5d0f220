"""Click-through data from real tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from common.data.specs.base import require, require_at_least, require_choice


@dataclass
class CtrSpec:
    """Rows of categories and numbers with a click or none; see `common.data.ctr`.

    Attributes:
        source: `movielens` (MovieLens-100K), `flights`, `criteo` or `avazu`.
        rows: how many are used, in the seeded order; of criteo and avazu the first of the file. 0
            takes all.
        test_share: part of the rows.
        val_share: part of those that are left.
        split_seed: decides the order.
        split: `generator`: `numpy.random.default_rng`; `sklearn`: as its `train_test_split`, the
            published split of criteo and avazu.
        encoders: fitted on the rows that are not `test` ("train"; id 0 is what they lack), or on
            the whole `file`, as published.
    """

    LOADER: ClassVar[str] = "common.data.ctr"

    source: str = "movielens"
    rows: int = 0
    test_share: float = 0.2
    val_share: float = 0.1
    split_seed: int = 2020
    split: str = "generator"
    encoders: str = "train"

    def validate(self) -> None:
        """Raise UserError for settings under which no such set exists."""
        require_choice(self, "source", ("movielens", "flights", "criteo", "avazu"))
        require_choice(self, "split", ("generator", "sklearn"))
        require_choice(self, "encoders", ("train", "file"))
        require_at_least(self, 0, "rows", "split_seed")
        for field in ("test_share", "val_share"):
            require(0 < getattr(self, field) < 1, self, field, "above 0 and below 1")
        large = self.source in ("criteo", "avazu")
        require(
            large or self.rows == 0 or self.split == "generator",
            self,
            "split",
            "'generator' where only a part of the rows is used",
        )
