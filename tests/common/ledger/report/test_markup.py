"""Escaping, attributes and lines."""

import pytest

from common.ledger.report.markup import Markup, element, join


@pytest.mark.parametrize("text", ["<b>", "a & b", "&amp;", '"', "'"])
def test_text_is_escaped_and_attributes_too(text):
    from html import escape, unescape

    made = element("span", text, title=text)
    assert made == f'<span title="{escape(text)}">{escape(text)}</span>'
    assert unescape(escape(text)) == text


def test_markup_is_not_escaped_again():
    inner = element("em", "a < b")
    assert element("span", inner) == "<span><em>a &lt; b</em></span>"
    assert join([inner, Markup("<br>"), "<"]) == "<em>a &lt; b</em><br>&lt;"


def test_content_may_be_nested_empty_or_a_number():
    assert element("span", ["a", None, (1, [2.5])], None) == "<span>a12.5</span>"


def test_attributes():
    made = element("input", class_="c", aria_label="l", hidden=True, id=None, checked=False)
    assert made == '<input class="c" aria-label="l" hidden>\n'


def test_blocks_have_a_line_each():
    made = element("ul", (element("li", text) for text in "ab"))
    assert made == "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"
