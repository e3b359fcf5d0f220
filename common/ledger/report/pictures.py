"""The figures of a paper, copied into the report."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from common.ledger.report.markup import Markup, element


def pictures(folder: Path) -> list[Path]:
    """The files to show; of a figure that is there twice, the SVG."""
    found = {}
    for suffix in (".png", ".svg"):
        found.update({path.stem: path for path in sorted(folder.glob(f"*{suffix}"))})
    return [found[stem] for stem in sorted(found)]


def copied(paper: str, picture: Path) -> str:
    """Where it is in the report."""
    return f"figures/{paper}/{picture.name}"


def gallery(paper: str, found: Iterable[Path]) -> list[Markup]:
    """Each with its name in words, linked to itself at full size."""
    return [
        element(
            "figure",
            element(
                "a",
                element("img", src=quote(copied(paper, picture)), alt=_words(paper, picture)),
                href=quote(copied(paper, picture)),
            ),
            element("figcaption", _words("", picture)),
            class_="picture",
        )
        for picture in found
    ]


def _words(paper: str, picture: Path) -> str:
    words = picture.stem.replace("_", " ").replace("-", " ").strip()
    return f"{paper}: {words}" if paper else words[:1].upper() + words[1:]
