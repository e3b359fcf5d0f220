"""The generated part of a README, between two markers; the rest is a person's."""

from __future__ import annotations

from pathlib import Path

from common.atomic import write_text
from common.errors import UserError

BEGIN = "<!-- ledger:begin -->"
END = "<!-- ledger:end -->"


def fill(path: Path, content: str) -> bool:
    """Replace what stands between the markers; returns whether the file changed.

    Raises:
        UserError: there is no such file, or not one marker of each kind in order.
    """
    if not path.is_file():
        raise UserError(f"{path} does not exist; write it with a line {BEGIN} and a line {END}.")
    text = path.read_text()
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise UserError(
            f"{path} needs the line {BEGIN} once and after it the line {END} once; what stands "
            "between them is replaced."
        )
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return write_text(path, f"{before}{BEGIN}\n\n{content.strip()}\n\n{END}{after}")
