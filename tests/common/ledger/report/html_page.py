"""A page as a test sees it: whether it is well-formed, its ids, links, headings and text."""

from __future__ import annotations

from html.parser import HTMLParser

_VOID = {"input", "img", "link", "meta"}


class Page(HTMLParser):
    """What a page consists of.

    Raises:
        AssertionError: an element ends that is not the last begun, or does not end.
    """

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.headings, self.tags = [], [], [], []
        self.words = []
        self._open, self._spans = [], []
        self.feed(text)
        self.close()
        assert not self._open, f"not closed: {self._open}"

    @property
    def text(self):
        """All text, white space folded."""
        return " ".join("".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        assert len(attributes) == len(attrs), f"{tag} has an attribute twice"
        self.tags.append((tag, attributes))
        if "id" in attributes:
            self.ids.append(attributes["id"])
        self.links += [attributes[name] for name in ("href", "src") if name in attributes]
        if tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
            self.headings.append(int(tag[1]))
        if tag not in _VOID:
            self._open.append(tag)
            self._spans.append([len(self.words), tag, attributes, None])

    def handle_startendtag(self, tag, attrs):
        assert "svg" in self._open, f"<{tag}/> outside SVG"

    def handle_endtag(self, tag):
        assert self._open.pop() == tag
        span = next(s for s in reversed(self._spans) if s[1] == tag and s[3] is None)
        span[3] = len(self.words)

    def handle_data(self, data):
        self.words.append(data)

    def all(self, tag, **attributes):
        """The attributes of every element with this tag and these attributes."""
        return [
            found
            for name, found in self.tags
            if name == tag and attributes.items() <= found.items()
        ]

    def inside(self, tag, **attributes):
        """The text of the first element with this tag and these attributes."""
        for begin, name, found, end in self._spans:
            if name == tag and attributes.items() <= found.items():
                return " ".join("".join(self.words[begin:end]).split())
        raise AssertionError(f"no {tag} with {attributes}")
