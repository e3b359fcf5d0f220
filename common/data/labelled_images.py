"""CIFAR-10 and MNIST as images (the modules `cifar10` and `mnist` make sequences of them).

They are kept as bytes and normalised batch by batch. The prepared files are those of the sequences.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from common.data import cifar10_files, mnist_files
from common.data.context import DataContext
from common.data.prepared import Arrays, key, prepare, prepared_path
from common.data.sequence import SequenceSplit
from common.data.specs.images import ImagesSpec

# mean and deviation of each channel, of values in 0..1
NORMALISATIONS = {
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "mnist": ((0.1307,), (0.3081,)),
}


@dataclass(frozen=True)
class _Set:
    title: str
    read: Callable[[DataContext], Arrays]
    fetch_plan: Callable[[DataContext], str | None]
    full: tuple[int, int]


_SETS = {
    "cifar10": _Set(
        "CIFAR-10 (Krizhevsky 2009)",
        cifar10_files.read_cifar10,
        cifar10_files.fetch_plan,
        (50_000, 10_000),
    ),
    "mnist": _Set(
        "MNIST (LeCun et al. 1998)",
        mnist_files.read_mnist,
        mnist_files.fetch_plan,
        (60_000, 10_000),
    ),
}
_NAME = "decoded"


class Normalisation:
    """``(x / 255 - mean) / std`` of bytes, channel by channel."""

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]):
        self.mean = torch.tensor(mean)[:, None, None]
        self.std = torch.tensor(std)[:, None, None]

    def __call__(self, pixels: UInt8[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        scaled = pixels.to(torch.float32) / 255
        return (scaled - self.mean.to(scaled)) / self.std.to(scaled)


@dataclass(frozen=True)
class ImageData:
    """Images ready to train on.

    Attributes:
        name: "cifar10" or "mnist".
        train: inputs uint8 (N, C, H, W) with the map of a batch, targets int64 (N,).
        test: see ``train``.
        n_classes: number of classes.
        is_paper_data: whether both splits are whole.
        source: what the data are, in a line.
        content_sha256: of the prepared file.
        key: of the prepared file.
        notes: what a reader of a result table has to know.
    """

    name: str
    train: SequenceSplit
    test: SequenceSplit
    n_classes: int
    is_paper_data: bool
    source: str
    content_sha256: str
    key: str
    notes: list[str] = field(default_factory=list)


def load(spec: ImagesSpec, context: DataContext) -> ImageData:
    """The first images of each official split.

    Raises:
        MissingDataError: the set is neither at hand nor to be had.
        CorruptDataError: a source is truncated or is another set.
    """
    one = _SETS[spec.source]

    def decode() -> tuple[Arrays, dict[str, Any]]:
        return one.read(context), {}

    decoded = prepare(context, spec.source, _NAME, decode)
    full = (spec.train, spec.test) == one.full
    notes = [] if full else [f"Of {one.title} {spec.train} training and {spec.test} test images."]
    return ImageData(
        name=spec.source,
        train=_split(decoded.arrays, "train", spec.train, spec.normalisation),
        test=_split(decoded.arrays, "test", spec.test, spec.normalisation),
        n_classes=10,
        is_paper_data=full,
        source=one.title,
        content_sha256=decoded.content_sha256,
        key=prepared_key(spec),
        notes=notes,
    )


def available(spec: ImagesSpec, context: DataContext) -> str | None:
    """None, or what would be fetched."""
    if prepared_path(context, spec.source, _NAME).exists():
        return None
    return _SETS[spec.source].fetch_plan(context)


def prepared_key(spec: ImagesSpec) -> str:
    """One decoded file serves all specs of a set."""
    return key(spec.source, _NAME)


def _split(arrays: Arrays, part: str, count: int, normalisation: str) -> SequenceSplit:
    images: UInt8[Tensor, "n h w ..."] = torch.from_numpy(arrays[f"{part}_images"][:count])
    planes = images.movedim(-1, 1) if images.ndim == 4 else images[:, None]
    labels: Int64[Tensor, " n"] = torch.from_numpy(arrays[f"{part}_labels"][:count]).long()
    scale = Normalisation(*NORMALISATIONS[normalisation])
    return SequenceSplit(planes.contiguous(), labels, pixel_scale=scale)
