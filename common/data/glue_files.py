"""Files of four GLUE sets, as the local source has them or as they are published."""

from __future__ import annotations

import hashlib
import io
import lzma
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from common.data.context import DataContext
from common.errors import CorruptDataError, MissingDataError

SPLITS = ("train", "dev")


@dataclass(frozen=True)
class Rows:
    """Examples in the published order; ``second`` is empty where a set has single sentences."""

    first: list[str]
    second: list[str]
    labels: list[int]


@dataclass(frozen=True)
class Published:
    """One set as its authors publish it.

    Attributes:
        title: of the set.
        judged: split with public labels on which figures are reported; MRPC has a test set.
        archive: name of the published file or files.
        address: where it is.
        sizes: training and judged examples.
        content_sha256: over labels and texts of both splits.
    """

    title: str
    judged: str
    archive: str
    address: str
    sizes: tuple[int, int]
    content_sha256: str


_GLUE = "https://dl.fbaipublicfiles.com/glue/data"
PUBLISHED = {
    "cola": Published(
        "CoLA",
        "dev",
        "CoLA.zip",
        f"{_GLUE}/CoLA.zip",
        (8551, 1043),
        "efe3f701f143dba77cb1b621e8554de3814838141078c8cb66ed15710a093a64",
    ),
    "mrpc": Published(
        "MRPC",
        "test",
        "msr_paraphrase_{split}.txt",
        "https://dl.fbaipublicfiles.com/senteval/senteval_data/msr_paraphrase_{train,test}.txt",
        (4076, 1725),
        "a48bfce48e619abee8c725a1d12909e5497fb9d92cec63d69db3377aecda04a1",
    ),
    "rte": Published(
        "RTE",
        "dev",
        "RTE.zip",
        f"{_GLUE}/RTE.zip",
        (2490, 277),
        "4b7c75fb5a7971730863a1ffeb97b265bf06e96b59e588f3d4e23d187ea75c49",
    ),
    "sst2": Published(
        "SST-2",
        "dev",
        "SST-2.zip",
        f"{_GLUE}/SST-2.zip",
        (67349, 872),
        "d98ba537c443e0f9984837a44b2e6969c2236bb4c8b4f234e35f69f3e993583f",
    ),
}


def read_glue(name: str, context: DataContext) -> dict[str, Rows]:
    """Rows of ``train`` and ``dev``; ``dev`` is the split on which figures are reported.

    Raises:
        MissingDataError: the set is not at hand.
        CorruptDataError: a file is damaged, or holds other rows.
    """
    published = PUBLISHED[name]
    if (folder := local_tables(name, context)) is not None:
        splits = {split: _table(folder, name, split) for split in SPLITS}
        origin = folder
    elif (archive := local_archive(name, context)) is not None:
        splits = {split: _published(archive, name, split) for split in SPLITS}
        origin = archive
    else:
        raise MissingDataError(*missing(name, context))
    found = rows_sha256(splits)
    if found != published.content_sha256:
        sizes = " + ".join(str(len(splits[split].labels)) for split in SPLITS)
        raise CorruptDataError(
            f"{origin} does not hold the published {published.title}: {sizes} rows with content "
            f"SHA-256 {found}, expected {published.sizes[0]} + {published.sizes[1]} with "
            f"{published.content_sha256}."
        )
    return splits


def missing(name: str, context: DataContext) -> tuple[str, str]:
    """What is missing, and what to put where."""
    published = PUBLISHED[name]
    return (
        f"GLUE {published.title}: {published.archive.format(split='{train,test}')}",
        f"Put {published.address} into {context.downloads / 'glue'}, or into the folder glue of "
        f"data.local_source.",
    )


def local_tables(name: str, context: DataContext) -> Path | None:
    """The folder with tab-separated tables, label first."""
    judged = PUBLISHED[name].judged
    here = [context.local("glue", f"{name}_{split}.tsv") for split in ("train", judged)]
    here[0] = here[0] or context.local("glue", f"{name}_train.tsv.xz")
    return here[0].parent if all(here) else None


def local_archive(name: str, context: DataContext) -> Path | None:
    """The published file, or the first of two."""
    file = PUBLISHED[name].archive.format(split="train")
    path = context.local("glue", file)
    if path is None and (context.downloads / "glue" / file).exists():
        path = context.downloads / "glue" / file
    return path


def rows_sha256(splits: dict[str, Rows]) -> str:
    """SHA-256 over labels and texts in order."""
    digest = hashlib.sha256()
    for split in SPLITS:
        rows = splits[split]
        seconds = rows.second or [""] * len(rows.first)
        for label, first, second in zip(rows.labels, rows.first, seconds, strict=True):
            digest.update(f"{split}|{label}|{first}|{second}\n".encode())
    return digest.hexdigest()


def _table(folder: Path, name: str, split: str) -> Rows:
    stem = f"{name}_{split if split == 'train' else PUBLISHED[name].judged}.tsv"
    path = folder / stem
    try:
        packed = not path.exists()
        raw = (folder / f"{stem}.xz" if packed else path).read_bytes()
        text = (lzma.decompress(raw) if packed else raw).decode()
        return _rows(_fields(text, skip=0))
    except (lzma.LZMAError, EOFError, ValueError, IndexError) as error:
        raise CorruptDataError(f"{path} is not a whole table ({error}). Get it anew.") from error


def _published(archive: Path, name: str, split: str) -> Rows:
    try:
        if name == "mrpc":
            part = "train" if split == "train" else "test"
            text = (archive.parent / f"msr_paraphrase_{part}.txt").read_text("utf-8-sig")
            # Quality, two numbers, two sentences; quotes are characters like others.
            return _rows((f[0], f[3], f[4]) for f in _fields(text, skip=1))
        with zipfile.ZipFile(archive) as files:
            found = [n for n in files.namelist() if n.endswith(f"/{split}.tsv")]
            member = min(found, key=len)
            text = io.TextIOWrapper(files.open(member), "utf-8").read()
        if name == "cola":
            return _rows((f[1], f[3]) for f in _fields(text, skip=0))
        if name == "sst2":
            return _rows((f[1], f[0].strip()) for f in _fields(text, skip=1))
        labels = {"entailment": "1", "not_entailment": "0"}
        return _rows((labels[f[3]], f[1], f[2]) for f in _fields(text, skip=1))
    except (zipfile.BadZipFile, OSError, ValueError, KeyError, IndexError) as error:
        raise CorruptDataError(
            f"{archive} is not the published file ({error!r}). Get it anew."
        ) from error


def _fields(text: str, skip: int) -> Iterator[list[str]]:
    for line in text.split("\n")[skip:]:
        if line.strip():
            yield line.rstrip("\r").split("\t")


def _rows(fields) -> Rows:
    first, second, labels = [], [], []
    for label, *texts in fields:
        labels.append(int(label))
        first.append(texts[0].strip())
        if len(texts) > 1:
            second.append(texts[1].strip())
    return Rows(first, second, labels)
