"""Labelled sequences in memory: what every loader returns."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class PixelScale:
    """Affine map of stored 8-bit pixels: x -> (x / 255 - mean) / std."""

    mean: float
    std: float

    def __call__(self, pixels: Tensor) -> Tensor:
        return (pixels.to(torch.float32) / 255 - self.mean) / self.std


@dataclass(frozen=True)
class SequenceSplit:
    """One split.

    Attributes:
        inputs: token ids (N, L), uint8 or int16, padded with 0; pairs of documents (N, 2, L);
            pixels or signals (N, L, C), float32.
        targets: classes (N,), int64; or real values (N, k), float32.
        lengths: true lengths (N,) or (N, 2), int64; None where every sequence is full.
        pixel_scale: None, except for sets too large for memory as float32 (Path-X: 13 GB): their
            `inputs` are uint8 (N, L, C), and `SequenceLoader` applies this map to each batch.
    """

    inputs: Tensor
    targets: Tensor
    lengths: Tensor | None = None
    pixel_scale: PixelScale | None = None

    def __post_init__(self) -> None:
        n, shape, dtype = len(self.inputs), tuple(self.targets.shape), self.targets.dtype
        classes = shape == (n,) and dtype == torch.int64
        values = len(shape) == 2 and shape[0] == n and dtype == torch.float32
        if not (classes or values):
            raise ValueError(
                f"targets must be int64 of shape ({n},) or float32 of shape ({n}, k), got {dtype} "
                f"{shape}"
            )
        if self.lengths is not None and len(self.lengths) != n:
            raise ValueError(f"{len(self.lengths)} lengths for {n} sequences")

    def __len__(self) -> int:
        return len(self.inputs)

    @classmethod
    def from_tokens(cls, arrays: dict[str, np.ndarray], split: str) -> SequenceSplit | None:
        """The arrays `<split>_inputs`, `_targets`, `_lengths` of a prepared set; None if empty."""
        if len(arrays[f"{split}_targets"]) == 0:
            return None
        names = ("inputs", "targets", "lengths")
        return cls(*(torch.from_numpy(arrays[f"{split}_{name}"]) for name in names))


@dataclass(frozen=True)
class SequenceData:
    """A data set ready to train on.

    Attributes:
        name: "listops", "imdb", "aan", "cifar10", "pathfinder", "digits", or the name of a
            stand-in, which is never the name of the set it stands in for.
        train: training split.
        val: validation split, or None where the published protocol has none.
        test: test split.
        n_classes: number of classes, or of real targets.
        vocab_size: number of token ids, padding included; None for real-valued inputs.
        channels: C of real-valued inputs; None for tokens.
        is_paper_data: whether this is the published set at its published size and encoding.
        source: what the data are and where they come from, in a line.
        content_sha256: SHA-256 over the arrays of the prepared file (`prepared.content_sha256`),
            or over the splits of a set that is made in memory. What is derived from a prepared
            file on load (grey, block means, an order of pixels) follows from the spec.
        baselines: accuracy on test (a fraction) of predictors that read next to nothing.
            "majority" is the share of the largest test class: no constant does better.
        notes: what a reader of a result table has to know.
        key: "<folder>/<name>" of the prepared file below the data root, without .npz; of the same
            form where the set is made in memory and has no file. Empty only for what a task makes
            for itself from its run's seed.
    """

    name: str
    train: SequenceSplit
    val: SequenceSplit | None
    test: SequenceSplit
    n_classes: int
    vocab_size: int | None
    channels: int | None
    is_paper_data: bool
    source: str
    content_sha256: str
    baselines: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    key: str = ""

    @property
    def max_length(self) -> int:
        """L, the padded length of a sequence."""
        axis = -1 if self.channels is None else -2
        return self.train.inputs.shape[axis]


def majority_share(targets: np.ndarray | Tensor) -> float:
    """Share of the most frequent class."""
    return float(np.bincount(np.asarray(targets)).max() / len(targets))
