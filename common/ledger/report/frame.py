"""What every page has around its content."""

from __future__ import annotations

from common.ledger.report.markup import Markup, element, join

_SECTIONS = {
    "index.html": "Papers and claims",
    "comparisons.html": "Comparisons",
    "errata.html": "Errata",
}


def page(title: str, *content: object, name: str) -> str:
    """A whole page.

    Args:
        title: of the window; the ledger's name is added.
        content: of ``main``.
        name: of the file, to mark it in the navigation.
    """
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{title} · structlab ledger"),
        element("link", rel="icon", href="data:,"),
        element("link", rel="stylesheet", href="style.css"),
        # Not deferred: it sets the theme before anything is drawn.
        element("script", src="script.js"),
    )
    body = element(
        "body",
        element("a", "Skip to content", class_="skip", href="#_main"),
        _masthead(name),
        element("main", *content, id="_main", tabindex="-1"),
        _footer(),
    )
    return "<!doctype html>\n" + element("html", head, body, lang="en")


def _masthead(name: str) -> Markup:
    links = [
        element("li", element("a", text, href=file, aria_current="page" if file == name else None))
        for file, text in _SECTIONS.items()
    ]
    return element(
        "header",
        element("p", element("a", "structlab ", element("em", "ledger"), href="index.html")),
        element("nav", element("ul", *links), aria_label="Site"),
        element("button", "Dark", type="button", class_="theme scripted", aria_pressed="false"),
        class_="masthead",
    )


def _footer() -> Markup:
    command = element("code", "python -m common.ledger report")
    return element(
        "footer",
        element("p", join(["Written by ", command, " from the claims and results of this tree."])),
    )
