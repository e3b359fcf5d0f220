"""The official files of LRA Retrieval (ACL Anthology Network, Radev et al. 2013).

Tab-separated rows label, id1, id2, text1, text2, no header; label 1 if one paper cites the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from common.data.context import DataContext
from common.errors import CorruptDataError, MissingDataError

FILES = {"train": "new_aan_pairs.train.tsv", "val": "new_aan_pairs.eval.tsv",
         "test": "new_aan_pairs.test.tsv"}  # fmt: skip
_LABELS = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}


@dataclass(frozen=True)
class DocumentPairs:
    """Pairs of texts and their labels."""

    first: list[str]
    second: list[str]
    labels: list[int]


def aan_paths(context: DataContext) -> dict[str, Path]:
    """The three files by split.

    Raises:
        MissingDataError: naming those that are missing.
    """
    paths = {split: context.local("aan", name) for split, name in FILES.items()}
    missing = [FILES[split] for split, path in paths.items() if path is None]
    if missing:
        raise MissingDataError(
            f"AAN: {', '.join(missing)}",
            "They are in lra_release.gz of google-research/long-range-arena; put them in the "
            "folder aan/ of the local data source. Or use "
            "task.dataset.source=planted, a synthetic stand-in (its figures are no AAN figures).",
        )
    return paths


def read_pairs(path: Path, limit: int = 0) -> DocumentPairs:
    """The first `limit` pairs of a file, or all for 0.

    Raises:
        CorruptDataError: naming file and line, for a row that is none.
    """
    pairs = DocumentPairs([], [], [])
    # newline="\n": a carriage return inside a text is no end of line
    with open(path, encoding="utf-8", newline="\n") as file:
        for number, line in enumerate(file, start=1):
            columns = line.rstrip("\n").split("\t")
            if len(columns) != 5 or columns[0] not in _LABELS:
                raise CorruptDataError(
                    f"{path}, line {number}: {len(columns)} columns, label {columns[0][:20]!r}; "
                    "allowed: label 0 or 1, id1, id2, text1, text2, separated by tabs."
                )
            pairs.labels.append(_LABELS[columns[0]])
            pairs.first.append(columns[3])
            pairs.second.append(columns[4])
            if limit and number == limit:
                break
    if limit > len(pairs.labels) or not pairs.labels:
        raise CorruptDataError(
            f"{path} holds {len(pairs.labels)} pairs; {limit or 'some'} are asked for."
        )
    return pairs
