"""Real-valued sequences with their targets, from arrays in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from common.data import prepared
from common.data.sequence import SequenceData, SequenceSplit, majority_share

Splits = Mapping[str, tuple[np.ndarray, np.ndarray]]


def signal_data(splits: Splits, *, content_sha256: str | None = None, **facts: Any) -> SequenceData:
    """A set of float32 sequences (N, L, C).

    Args:
        splits: ``train``, ``val`` (may be empty) and ``test`` -> inputs and targets, classes as
            int64 (N,) or values as float32 (N, k).
        content_sha256: of the prepared file that the splits are read from; None where there is
            none: then of the splits themselves.
        facts: further fields of :class:`SequenceData`; channels and the majority baseline of
            classes are filled in here.
    """
    made = {
        split: SequenceSplit(torch.from_numpy(inputs), torch.from_numpy(targets))
        for split, (inputs, targets) in splits.items()
    }
    classes = made["test"].targets.ndim == 1
    return SequenceData(
        train=made["train"],
        val=made["val"] if len(made["val"]) else None,
        test=made["test"],
        vocab_size=None,
        channels=made["train"].inputs.shape[-1],
        content_sha256=content_sha256 or _splits_sha256(splits),
        baselines={"majority": majority_share(made["test"].targets)} if classes else {},
        **facts,
    )


def _splits_sha256(splits: Splits) -> str:
    arrays = {
        f"{split}_{kind}": array
        for split, pair in splits.items()
        for kind, array in zip(("inputs", "targets"), pair, strict=True)
    }
    return prepared.content_sha256(arrays)
