"""What a reader has to know before anything else: figures not as recorded, unreadable records."""

from __future__ import annotations

from collections.abc import Iterable

from common.ledger.folders import Folders
from common.ledger.report.markup import Markup, element
from common.ledger.update import PaperLedger


def notices(ledgers: Iterable[PaperLedger], folders: Folders) -> Markup | None:
    """A box, if there is anything to say. Paths are those of the repository, not of the machine."""
    items = []
    for ledger in ledgers:
        items += [("Not as recorded: ", text) for text in ledger.altered]
        items += [("", text) for text in ledger.warnings]
    if not items:
        return None
    lines = (element("li", kind, _local(text, folders)) for kind, text in items)
    heading = element("h2", "Warnings", id="_notices")
    return element(
        "section", heading, element("ul", lines), class_="notices", aria_labelledby="_notices"
    )


def _local(text: str, folders: Folders) -> str:
    for place, name in ((folders.results, "results"), (folders.outputs, "outputs")):
        text = text.replace(str(place), name)
    return text
