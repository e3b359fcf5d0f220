"""The comparisons: tables of rows from several papers, as ``compare`` has written them.

Their pages are Markdown of a few forms, which stand here as HTML: headings, paragraphs, a picture,
a table; in a line, code and emphasis.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from common.ledger.folders import Folders
from common.ledger.report.frame import page
from common.ledger.report.markup import Markup, element, join
from common.ledger.report.pictures import copied
from common.ledger.report.table import scrolling

NAME = "comparisons.html"
_PICTURE = re.compile(r"!\[(?P<alt>[^]]*)\]\(\.\./figures/(?P<folder>[^/]+)/(?P<file>[^)]+)\)")
_INLINE = re.compile(r"`(?P<code>[^`]+)`|\*(?P<em>[^*]+)\*")


def comparison_pages(folders: Folders) -> list[Path]:
    """The files that ``compare`` has written, by name."""
    return sorted((folders.results / "comparisons").glob("*.md"))


def comparisons_page(folders: Folders) -> str:
    """All comparisons below one another."""
    found = [join(_blocks(path)) for path in comparison_pages(folders)]
    none = element("p", "None has been made yet: ", element("code", "compare"), " makes them.")
    return page(
        "Comparisons",
        element("h1", "Methods side by side"),
        found or none,
        name=NAME,
    )


def pictures_of(path: Path) -> list[str]:
    """``<folder>/<file>`` of the pictures that a page shows."""
    return [f"{m['folder']}/{m['file']}" for m in _PICTURE.finditer(path.read_text())]


def _blocks(path: Path) -> Iterator[Markup]:
    for block in path.read_text().strip().split("\n\n"):
        if block.startswith("#"):
            marks, _, text = block.partition(" ")
            level = len(marks) + 1  # the page has a title of its own
            yield element(f"h{level}", text, id=_address(path.stem, text, level))
        elif picture := _PICTURE.fullmatch(block):
            source = quote(copied(picture["folder"], Path(picture["file"])))
            image = element("img", src=source, alt=picture["alt"])
            yield element("figure", element("a", image, href=source), class_="picture")
        elif block.startswith("|"):
            yield scrolling(f"Table of {path.stem}", _table(block.splitlines()))
        else:
            yield element("p", _line(block))


def _table(lines: Sequence[str]) -> Markup:
    head, _, *rows = (line.strip().strip("|").split("|") for line in lines)
    return element(
        "table",
        element(
            "thead",
            element("tr", (element("th", _line(c.strip()), scope="col") for c in head)),
        ),
        element("tbody", (element("tr", _cells(row)) for row in rows)),
    )


def _cells(row: Sequence[str]) -> Iterator[Markup]:
    first, *others = (_line(cell.strip()) for cell in row)
    yield element("th", first, scope="row")
    for cell in others:
        yield element("td", cell)


def _line(text: str) -> Markup:
    pieces: list[str | Markup] = []
    end = 0
    for found in _INLINE.finditer(text):
        pieces.append(text[end : found.start()])
        name = "code" if found["code"] else "em"
        pieces.append(element(name, found[name]))
        end = found.end()
    return join([*pieces, text[end:]])


def _address(stem: str, text: str, level: int) -> str:
    return stem if level == 2 else f"{stem}-{re.sub('[^a-z0-9]+', '-', text.lower()).strip('-')}"
