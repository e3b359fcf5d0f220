"""The published file format: tab-separated, header `Source	Target`, one expression a line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from common.data.listops.expression import ExpressionError, Tree, evaluate, from_text, to_text
from common.errors import CorruptDataError, MissingDataError

HEADER = "Source\tTarget"


def write_tsv(path: Path, trees: Iterable[Tree]) -> None:
    """Write trees and their values."""
    with open(path, "w", encoding="ascii", newline="\n") as file:
        file.write(HEADER + "\n")
        for tree in trees:
            file.write(f"{to_text(tree)}\t{evaluate(tree)}\n")


def read_tsv(path: Path) -> list[tuple[Tree, int]]:
    """Trees and targets of a file; every target is recomputed and compared.

    Raises:
        MissingDataError: if there is no such file.
        CorruptDataError: naming file and line, for an unknown token, unbalanced brackets or
            parentheses, or a target that is not the value of its expression.
    """
    if not path.is_file():
        raise MissingDataError(f"The ListOps file {path}", f"Its header is {HEADER!r}.")
    rows = []
    with open(path, encoding="utf-8") as file:
        header = file.readline().rstrip("\r\n")
        if header != HEADER:
            raise CorruptDataError(f"{path}, line 1: the header is {header!r}, not {HEADER!r}.")
        for number, line in enumerate(file, start=2):
            rows.append(_row(line.rstrip("\r\n"), f"{path}, line {number}"))
    if not rows:
        raise CorruptDataError(f"{path} holds no expression after its header.")
    return rows


def _row(line: str, where: str) -> tuple[Tree, int]:
    columns = line.split("\t")
    if len(columns) != 2:
        raise CorruptDataError(f"{where}: {len(columns)} columns; allowed: 2, {HEADER!r}.")
    source, target = columns
    try:
        tree = from_text(source)
    except ExpressionError as error:
        raise CorruptDataError(f"{where}: {error}.") from error
    value = evaluate(tree)
    if target != str(value):
        raise CorruptDataError(f"{where}: the target is {target!r}, the expression is {value}.")
    return tree, value
