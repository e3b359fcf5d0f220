"""Fashion-MNIST (Xiao, Rasul and Vollgraf 2017) as images, kept as bytes as `labelled_images` does.

Sources in order: four IDX files, plain or packed, or the Debian package `dataset-fashion-mnist`, in
the local source or among the downloads; that package by apt-get; the official addresses.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from common.data.context import DataContext
from common.data.debian_package import (
    AptError,
    DebianPackage,
    apt_download,
    apt_exists,
    deb_files,
    would_download,
)
from common.data.download import RemoteFile, fetch, would_fetch
from common.data.labelled_images import ImageData, Normalisation
from common.data.mnist_files import decode_idx
from common.data.prepared import Arrays, content_sha256, key, prepare, prepared_path
from common.data.sequence import SequenceSplit
from common.data.specs.fashion_mnist import FashionMnistSpec
from common.errors import CorruptDataError

MEAN, STD = 0.2860, 0.3530
DEBIAN = DebianPackage("dataset-fashion-mnist", 31)
_ADDRESS = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
OFFICIAL = {
    "train-images-idx3-ubyte": RemoteFile(
        f"{_ADDRESS}train-images-idx3-ubyte.gz", "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d", 27
    ),
    "train-labels-idx1-ubyte": RemoteFile(
        f"{_ADDRESS}train-labels-idx1-ubyte.gz", "md5:25c81989df183df01b3e8a0aad5dffbe", 1
    ),
    "t10k-images-idx3-ubyte": RemoteFile(
        f"{_ADDRESS}t10k-images-idx3-ubyte.gz", "md5:bef4ecab320f06d8554ea6380940ec79", 5
    ),
    "t10k-labels-idx1-ubyte": RemoteFile(
        f"{_ADDRESS}t10k-labels-idx1-ubyte.gz", "md5:bb300cfdad3c16e7a12a480ee83cd310", 1
    ),
}
# over train_images, train_labels, test_images, test_labels (`prepared.content_sha256`)
CONTENT_SHA256 = "6044c7572b71935e46483c6049715f9708768f9238ae2c095737fe3b817fd987"
_FOLDER, _NAME = "fashion_mnist", "decoded"
_PARTS = {"train": ("train", 60_000), "test": ("t10k", 10_000)}
_TITLE = "Fashion-MNIST (Xiao, Rasul and Vollgraf 2017)"


def load(spec: FashionMnistSpec, context: DataContext) -> ImageData:
    """The first images of each official split.

    Raises:
        MissingDataError: the set is neither at hand nor to be had.
        CorruptDataError: a source is cut short or is another set.
    """

    def decode() -> tuple[Arrays, dict[str, Any]]:
        return _read(context), {}

    decoded = prepare(context, _FOLDER, _NAME, decode)
    full = (spec.train, spec.test) == (60_000, 10_000)
    notes = [] if full else [f"Of {_TITLE} {spec.train} training and {spec.test} test images."]
    return ImageData(
        name="fashion_mnist",
        train=_split(decoded.arrays, "train", spec.train),
        test=_split(decoded.arrays, "test", spec.test),
        n_classes=10,
        is_paper_data=full,
        source=_TITLE,
        content_sha256=decoded.content_sha256,
        key=prepared_key(spec),
        notes=notes,
    )


def available(spec: FashionMnistSpec, context: DataContext) -> str | None:
    """None, or what would be fetched."""
    if prepared_path(context, _FOLDER, _NAME).exists() or at_hand(context):
        return None
    if apt_exists():
        return would_download(DEBIAN, context)
    return would_fetch(OFFICIAL["train-images-idx3-ubyte"], context)


def prepared_key(spec: FashionMnistSpec) -> str:
    """One decoded file serves all specs."""
    return key(_FOLDER, _NAME)


def at_hand(context: DataContext) -> Path | None:
    """The first source that needs no network: a folder of the four files, or the package."""
    for folder in (context.local(_FOLDER), _downloads(context).downloads):
        if folder is not None and all(_stored(folder, name) for name in OFFICIAL):
            return folder
    for archive in (context.local(_FOLDER, DEBIAN.filename), DEBIAN.path(context)):
        if archive is not None and archive.exists():
            return archive
    return None


def _downloads(context: DataContext) -> DataContext:
    """MNIST's files have the same names: these have downloads of their own."""
    return DataContext(
        context.root / _FOLDER, None, context.download, context.workers, context.progress
    )


def _read(context: DataContext) -> Arrays:
    origin = at_hand(context) or _fetched(context)
    files = _files(origin)
    arrays = {}
    for part, (name, count) in _PARTS.items():
        for kind, dims in (("images", 3), ("labels", 1)):
            file = f"{name}-{kind}-idx{dims}-ubyte"
            arrays[f"{part}_{kind}"] = decode_idx(files[file], dims, count, f"{file} in {origin}")
    found = content_sha256(arrays)
    if found != CONTENT_SHA256:
        raise CorruptDataError(
            f"{origin} does not hold Fashion-MNIST: its decoded content has SHA-256 {found}, "
            f"expected {CONTENT_SHA256}. Delete it and get it anew."
        )
    return arrays


def _fetched(context: DataContext) -> Path:
    if apt_exists() and context.download:
        try:
            return apt_download(DEBIAN, context)
        except AptError as error:
            context.announce(f"apt-get could not deliver {DEBIAN.name} ({error}).")
    alternative = (
        f"Or, where apt works, put the output of `apt-get download {DEBIAN.name}` at "
        f"{DEBIAN.path(context)}."
    )
    own = _downloads(context)
    for remote in OFFICIAL.values():
        fetch(remote, own, set_name="Fashion-MNIST", alternative=alternative)
    return own.downloads


def _files(origin: Path) -> dict[str, bytes]:
    if origin.is_dir():
        stored = {name: _stored(origin, name) for name in OFFICIAL}
        return {name: _unpacked(p.read_bytes(), p.suffix, p) for name, p in stored.items()}
    found = {}
    for member, content in deb_files(
        origin, lambda name: Path(name).name.split(".")[0] in OFFICIAL
    ):
        file = Path(member)
        found[file.name.split(".")[0]] = _unpacked(content, file.suffix, origin)
    if missing := [name for name in OFFICIAL if name not in found]:
        raise CorruptDataError(f"{origin} lacks {', '.join(missing)}. Get it anew.")
    return found


def _stored(folder: Path, name: str) -> Path | None:
    """The file, plain or as it is downloaded."""
    return next((p for p in (folder / name, folder / f"{name}.gz") if p.is_file()), None)


def _unpacked(content: bytes, suffix: str, where: Path) -> bytes:
    if suffix != ".gz":
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise CorruptDataError(f"{where} is not a whole gzip file ({error}).") from error


def _split(arrays: Arrays, part: str, count: int) -> SequenceSplit:
    images: Tensor = torch.from_numpy(arrays[f"{part}_images"][:count])[:, None]
    labels: Tensor = torch.from_numpy(arrays[f"{part}_labels"][:count]).long()
    return SequenceSplit(images.contiguous(), labels, pixel_scale=Normalisation((MEAN,), (STD,)))
