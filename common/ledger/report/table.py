"""Tables whose columns a script can sort."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from common.ledger.report.markup import Markup, element


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        key: names it in a shared address and in the style sheet.
        numeric: aligned to the right.
    """

    key: str
    title: str
    numeric: bool = False


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        content: text or markup.
        sort: a number to sort by in place of the text.
    """

    content: Any
    sort: float | None = None


@dataclass(frozen=True)
class Row:
    """One row; the first cell is its header.

    Attributes:
        attributes: of the element.
    """

    cells: Sequence[Cell]
    attributes: dict[str, Any]


def table(name: str, caption: str, columns: Sequence[Column], rows: Iterable[Row]) -> Markup:
    """A table. Its roles are written out: a narrow screen shows rows as cards, and a browser that
    lays a table out as something else may otherwise forget that it is one.

    Args:
        name: keeps its order in a shared address.
        caption: for screen readers; a heading says the same above.
    """
    heads = [
        element(
            "th",
            column.title,
            scope="col",
            role="columnheader",
            class_=_css(column),
            data_key=column.key,
        )
        for column in columns
    ]
    return element(
        "table",
        element("caption", caption, class_="unseen"),
        element("thead", element("tr", heads, role="row"), role="rowgroup"),
        element("tbody", (_row(columns, row) for row in rows), role="rowgroup"),
        role="table",
        class_=f"sortable {name}",
        data_name=name,
    )


def scrolling(label: str, content: Markup) -> Markup:
    """A box that scrolls sideways in place of the page."""
    return element("div", content, class_="scroll", role="region", aria_label=label, tabindex="0")


def _row(columns: Sequence[Column], row: Row) -> Markup:
    cells = []
    for number, (column, cell) in enumerate(zip(columns, row.cells, strict=True)):
        tag, role = ("th", "rowheader") if number == 0 else ("td", "cell")
        cells.append(
            element(
                tag,
                cell.content,
                scope="row" if number == 0 else None,
                role=role,
                class_=_css(column),
                data_sort=None if cell.sort is None else repr(float(cell.sort)),
            )
        )
    return element("tr", cells, role="row", **row.attributes)


def _css(column: Column) -> str:
    return f"c-{column.key}{' number' if column.numeric else ''}"
