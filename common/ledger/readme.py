"""The generated part of a README, between two markers; the rest is a person's."""

from __future__ import annotations

from pathlib import Path

from common.atomic import write_text
from common.errors import UserError

LEDGER = "ledger"


def begin(part: str) -> str:
    """The line before a generated part."""
    return f"<!-- {part}:begin -->"


def end(part: str) -> str:
    """The line after it."""
    return f"<!-- {part}:end -->"


def fill(path: Path, content: str, part: str = LEDGER) -> bool:
    """Write a file with the generated part replaced; returns whether it changed.

    Raises:
        UserError: as :func:`filled`.
    """
    return write_text(path, filled(path, content, part))


def filled(path: Path, content: str, part: str = LEDGER) -> str:
    """The text of a file with what stands between the markers of ``part`` replaced.

    Raises:
        UserError: there is no such file, or not one marker of each kind in order.
    """
    first, last = begin(part), end(part)
    if not path.is_file():
        raise UserError(f"{path} does not exist; write it with a line {first} and a line {last}.")
    text = path.read_text()
    if text.count(first) != 1 or text.count(last) != 1 or text.index(first) > text.index(last):
        raise UserError(
            f"{path} needs the line {first} once and after it the line {last} once; what stands "
            "between them is replaced."
        )
    before, _, rest = text.partition(first)
    _, _, after = rest.partition(last)
    return f"{before}{first}\n\n{content.strip()}\n\n{last}{after}"
