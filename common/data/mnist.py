"""MNIST (LeCun et al. 1998) as sequences of pixels: sMNIST, and pMNIST with a fixed permutation."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from common.data import mnist_files
from common.data.context import DataContext
from common.data.images import block_means, random_split_order
from common.data.prepared import Arrays, key, prepare, prepared_path
from common.data.sequence import SequenceData
from common.data.signals import signal_data
from common.data.specs.mnist import MnistSpec

MEAN, STD = 0.1307, 0.3081
_FOLDER, _NAME = "mnist", "decoded"


def load(spec: MnistSpec, context: DataContext) -> SequenceData:
    """Pixels row by row, float32 (N, (28 / downsample)^2, 1), normalised.

    Raises:
        MissingDataError: the set is neither at hand nor to be had.
        CorruptDataError: a source is cut short or is not MNIST.
    """
    decoded = prepare(context, _FOLDER, _NAME, partial(_decode, context))
    order = random_split_order(60_000, spec.split_seed)
    rows = {
        "train": ("train", order[: spec.train]),
        "val": ("train", order[54_000 : 54_000 + spec.val]),
        "test": ("test", np.arange(spec.test)),
    }
    splits = {split: _split(decoded.arrays, *chosen, spec) for split, chosen in rows.items()}
    full = (spec.downsample, spec.train, spec.val, spec.test) == (1, 54_000, 6_000, 10_000)
    notes = []
    if not full:
        side = 28 // spec.downsample
        notes.append(
            f"Genuine MNIST, reduced to {spec.train}/{spec.val}/{spec.test} images of {side} x "
            f"{side}: not comparable with published figures."
        )
    if spec.permuted:
        notes.append(f"Pixels in one fixed order drawn from seed {spec.split_seed} (pMNIST).")
    return signal_data(
        splits,
        name="mnist",
        n_classes=10,
        is_paper_data=full,
        source="MNIST (LeCun et al. 1998)",
        content_sha256=decoded.content_sha256,
        key=key(_FOLDER, _NAME),
        notes=notes,
    )


def available(spec: MnistSpec, context: DataContext) -> str | None:
    """None, or what would be fetched."""
    if prepared_path(context, _FOLDER, _NAME).exists():
        return None
    return mnist_files.fetch_plan(context)


def _decode(context: DataContext) -> tuple[Arrays, dict[str, Any]]:
    return mnist_files.read_mnist(context), {}


def _split(arrays: Arrays, part: str, rows: np.ndarray, spec: MnistSpec):
    images = arrays[f"{part}_images"][rows][..., None]
    pixels = block_means(images, spec.downsample).reshape(len(rows), -1, 1)
    pixels = (pixels / np.float32(255) - np.float32(MEAN)) / np.float32(STD)
    if spec.permuted:
        pixels = pixels[:, random_split_order(pixels.shape[1], spec.split_seed)]
    return np.ascontiguousarray(pixels), arrays[f"{part}_labels"][rows].astype(np.int64)
