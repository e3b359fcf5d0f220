"""Rows of categorical fields and numbers with a click or none: what click-through models read."""

from __future__ import annotations

from dataclasses import dataclass, field

from jaxtyping import Float32, Int32
from torch import Tensor


@dataclass(frozen=True)
class CtrSplit:
    """One split.

    Attributes:
        ids: (N, F) int32, a field's own id from 0 on.
        dense: (N, Fd) float32, in [0, 1] on the training rows; Fd may be 0.
        targets: (N,) float32, 1 for a click.
    """

    ids: Int32[Tensor, "n fields"]
    dense: Float32[Tensor, "n numbers"]
    targets: Float32[Tensor, " n"]

    # What common.data.loader reads of a split: nothing here has a length or pixels.
    lengths = None
    pixel_scale = None

    def __post_init__(self) -> None:
        if not len(self.ids) == len(self.dense) == len(self.targets):
            raise ValueError(
                f"{len(self.ids)} rows of ids, {len(self.dense)} of numbers, {len(self.targets)} "
                "targets; needed are equally many"
            )

    @property
    def inputs(self) -> Tensor:
        """The ids."""
        return self.ids

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True)
class CtrData:
    """A data set ready to train on.

    Attributes:
        name: "movielens", "flights", "criteo", "avazu" or "ctr_stream", the generated one.
        fields: names of the categorical fields.
        vocabularies: number of ids of each; all ids of a field are below.
        dense_fields: names of the numbers.
        train: training split.
        val: validation split, cut from the training rows.
        test: test split.
        is_paper_data: whether this is the published set, whole and encoded as published.
        source: what the data are, in a line.
        content_sha256: of the prepared file.
        key: of the prepared file.
        bayes_auc: of the true probabilities, where they are known.
        notes: what a reader of a result table has to know.
    """

    name: str
    fields: tuple[str, ...]
    vocabularies: tuple[int, ...]
    dense_fields: tuple[str, ...]
    train: CtrSplit
    val: CtrSplit
    test: CtrSplit
    is_paper_data: bool
    source: str
    content_sha256: str
    key: str
    bayes_auc: float | None = None
    notes: list[str] = field(default_factory=list)
