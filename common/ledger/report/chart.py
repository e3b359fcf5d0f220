"""Lines over epochs as SVG, each labelled at its end."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from common.ledger.report.markup import Markup, element

COLOURS = 8  # in the style sheet: .line-0 to .line-7
_DASHES = (None, "7 3", "2 3")  # the next one each time the colours have been used up

# In pixels.
_LEFT, _TOP, _BOTTOM, _PLOT = 48, 10, 42, 210
_SPACING, _LETTER, _LEADER = 14, 6.8, 18


@dataclass(frozen=True)
class Line:
    """One curve.

    Attributes:
        style: its number among the lines of a page, so that a name keeps its colour.
        points: (epoch, value), the epochs in ascending order; at least one.
    """

    name: str
    style: int
    points: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class _Axis:
    """From values to pixels."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        part = (value - self.low) / (self.high - self.low)
        return round(self.start + part * (self.end - self.start), 1)


def chart(description: str, y_title: str, lines: Sequence[Line]) -> Markup:
    """One panel.

    Args:
        description: for those who do not see it.
        lines: at least one.
    """
    bottom = _TOP + max(130, _SPACING * len(lines))
    right = _LEFT + _PLOT
    width = math.ceil(right + _LEADER + _LETTER * max(len(line.name) for line in lines))
    values = [value for line in lines for _, value in line.points]
    marks = ticks(min(values), max(values))
    last = max(line.points[-1][0] for line in lines)
    x = _Axis(1, max(last, 2), _LEFT + 4, right)
    y = _Axis(marks[0], marks[-1], bottom, _TOP)
    ends = [y(line.points[-1][1]) for line in lines]
    places = spread(ends, _SPACING, bottom)
    return element(
        "svg",
        [_level(mark, y(mark), right) for mark in marks],
        [_text(str(e), x(e), bottom + 15, "middle") for e in _epochs(max(last, 2))],
        _text("epoch", (_LEFT + right) / 2, bottom + 33, "middle", "axis"),
        _turned(y_title, 11, (_TOP + bottom) / 2),
        [_curve(line, x, y) for line in lines],
        [_label(line, x, y, p, right) for line, p in zip(lines, places, strict=True)],
        class_="chart",
        viewBox=f"0 0 {width} {bottom + _BOTTOM}",
        width=width,
        height=bottom + _BOTTOM,
        role="img",
        aria_label=description,
    )


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round values that enclose both."""
    span = (high - low) or abs(high) or 1.0
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(s * power for s in (1, 2, 2.5, 5, 10, 20) if span / (s * power) <= most)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [step * i for i in range(first, max(last, first + 1) + 1)]


def spread(wanted: Sequence[float], distance: float, most: float) -> list[float]:
    """Places as near to those wanted as a distance between neighbours allows, none above
    ``most``."""
    order = sorted(range(len(wanted)), key=lambda i: (wanted[i], i))
    places = [wanted[i] for i in order]
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + distance)
    limit = most
    for i in reversed(range(len(places))):
        places[i] = min(places[i], limit)
        limit = places[i] - distance
    found = [0.0] * len(wanted)
    for i, place in zip(order, places, strict=True):
        found[i] = round(place, 1)
    return found


def _epochs(last: int) -> list[int]:
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 200, 500, last) if last / s <= 8)
    return list(range(step, last + 1, step)) if step > 1 else list(range(1, last + 1))


def _curve(line: Line, x: _Axis, y: _Axis) -> Markup:
    (epoch, value) = line.points[-1]
    return element(
        "g",
        [element("path", d=d, stroke_dasharray=_dash(line)) for d in _strokes(line, x, y)],
        element("circle", cx=x(epoch), cy=y(value), r=2.6),
        class_=_css(line),
    )


def _strokes(line: Line, x: _Axis, y: _Axis) -> Iterator[str]:
    """A path for each stretch of successive epochs; a missing epoch is a gap."""
    stretch = [line.points[0]]
    for before, point in pairwise(line.points):
        if point[0] != before[0] + 1:
            yield _path(stretch, x, y)
            stretch = []
        stretch.append(point)
    yield _path(stretch, x, y)


def _path(points: Sequence[tuple[int, float]], x: _Axis, y: _Axis) -> str:
    return "M" + "L".join(f"{x(epoch)} {y(value)}" for epoch, value in points)


def _label(line: Line, x: _Axis, y: _Axis, place: float, right: float) -> Markup:
    epoch, value = line.points[-1]
    leader = f"M{x(epoch) + 4} {y(value)}L{right + _LEADER - 4} {place}"
    return element(
        "g",
        element("path", d=leader, class_="leader"),
        _text(line.name, right + _LEADER, place + 4, "start"),
        class_=_css(line),
    )


def _level(value: float, place: float, right: float) -> Markup:
    return element(
        "g",
        element("path", d=f"M{_LEFT} {place}H{right}", class_="grid"),
        _text(f"{value:.4g}", _LEFT - 5, place + 4, "end"),
    )


def _text(text: str, x: float, y: float, anchor: str, css: str | None = None) -> Markup:
    return element("text", text, x=x, y=y, text_anchor=anchor, class_=css)


def _turned(text: str, x: float, y: float) -> Markup:
    turn = f"rotate(-90 {x} {y})"
    return element("text", text, x=x, y=y, text_anchor="middle", transform=turn, class_="axis")


def _dash(line: Line) -> str | None:
    return _DASHES[line.style // COLOURS % len(_DASHES)]


def _css(line: Line) -> str:
    return f"line line-{line.style % COLOURS}"
