"""Four sets of GLUE with public labels: CoLA, MRPC, RTE, SST-2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from common.data.context import DataContext
from common.data.glue_files import (
    PUBLISHED,
    SPLITS,
    Rows,
    local_archive,
    local_tables,
    missing,
    read_glue,
)
from common.data.prepared import Arrays, key, prepare, prepared_path
from common.data.specs.glue import GlueSpec

_FOLDER = "glue"


@dataclass(frozen=True)
class LabelledSentences:
    """Labelled sentences, or pairs of them.

    Attributes:
        train: rows to train and to choose on.
        dev: rows on which figures are reported: the development set, MRPC's test set.
        name: of the set.
        source: in a line.
        content_sha256: of the prepared file.
        key: of the prepared file.
        metric: that is reported: "accuracy", "matthews", or "f1_accuracy", the mean of both.
        is_paper_data: it is the published set, whole.
        n_classes: classes, numbered from 0.
    """

    train: Rows
    dev: Rows
    name: str
    source: str
    content_sha256: str
    key: str
    metric: str
    is_paper_data: bool = True
    n_classes: int = 2

    @property
    def pairs(self) -> bool:
        """Whether a row is two sentences."""
        return bool(self.train.second)


def load(spec: GlueSpec, context: DataContext) -> LabelledSentences:
    """Both splits with public labels.

    Raises:
        MissingDataError: the set is not at hand.
        CorruptDataError: its files are damaged, or hold other rows.
    """

    def build() -> tuple[Arrays, dict[str, Any]]:
        return _arrays(read_glue(spec.source, context)), {}

    prepared = prepare(context, _FOLDER, spec.source, build)
    splits = {split: _rows(prepared.arrays, split) for split in SPLITS}
    title = PUBLISHED[spec.source].title
    return LabelledSentences(
        **splits,
        name=title,
        source=f"{title} of GLUE (Wang et al. 2019)",
        content_sha256=prepared.content_sha256,
        key=prepared_key(spec),
        metric={"cola": "matthews", "mrpc": "f1_accuracy"}.get(spec.source, "accuracy"),
    )


def available(spec: GlueSpec, context: DataContext) -> str | None:
    """None, or what is missing."""
    name = spec.source
    at_hand = prepared_path(context, _FOLDER, name).exists() or local_tables(name, context)
    if at_hand or local_archive(name, context):
        return None
    return " ".join(missing(name, context))


def prepared_key(spec: GlueSpec) -> str:
    """One file a set."""
    return key(_FOLDER, spec.source)


def _arrays(splits: dict[str, Rows]) -> Arrays:
    arrays: Arrays = {}
    for split, rows in splits.items():
        arrays[f"{split}_labels"] = np.array(rows.labels, dtype=np.int8)
        for part in ("first", "second"):
            text = "\n".join(getattr(rows, part)).encode()
            arrays[f"{split}_{part}"] = np.frombuffer(text, dtype=np.uint8)
    return arrays


def _rows(arrays: Arrays, split: str) -> Rows:
    first, second = (
        arrays[f"{split}_{part}"].tobytes().decode().split("\n") for part in ("first", "second")
    )
    return Rows(first, second if second != [""] else [], arrays[f"{split}_labels"].tolist())
