"""HTML as text: everything is escaped that is not markup already."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from typing import Any


class Markup(str):
    """Text that is HTML and is not escaped again."""


_VOID = frozenset({"input", "img", "link", "meta"})
# All others are followed by a new line: a small change of the ledger is a small difference here.
_IN_LINE = frozenset({"a", "button", "circle", "code", "em", "img", "path", "span", "svg", "text"})


def element(tag: str, *content: Any, **attributes: Any) -> Markup:
    """``<tag attribute="...">content</tag>``.

    Args:
        content: text, which is escaped; markup; None, which is left out; or iterables of these.
        attributes: ``class_`` is ``class``, ``aria_label`` is ``aria-label``; True is an attribute
            without a value, None and False are left out.
    """
    head = "".join(_attribute(name, value) for name, value in attributes.items())
    end = "" if tag in _IN_LINE else "\n"
    if tag in _VOID:
        return Markup(f"<{tag}{head}>{end}")
    inside = join(content)
    if inside.endswith("\n"):
        inside = Markup(f"\n{inside}")
    return Markup(f"<{tag}{head}>{inside}</{tag}>{end}")


def join(content: Iterable[Any]) -> Markup:
    """Pieces of text and markup, one after the other."""
    return Markup("".join(_pieces(content)))


def _pieces(content: Iterable[Any]) -> Iterator[str]:
    for piece in content:
        if isinstance(piece, Markup):
            yield piece
        elif isinstance(piece, str | int | float):
            yield escape(str(piece))
        elif piece is not None:
            yield from _pieces(piece)


def _attribute(name: str, value: Any) -> str:
    if value is None or value is False:
        return ""
    name = name.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'
