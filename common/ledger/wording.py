"""Words and colours that all commands share."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from common.ledger.verdicts import FAILS, HOLDS, NOT_RUN, STALE, UNRESOLVED, tally

COLOURS = {
    HOLDS: "green",
    FAILS: "red",
    UNRESOLVED: "yellow",
    NOT_RUN: "bright_black",
    STALE: "magenta",
}


def coloured(verdict: str) -> str:
    """A verdict in its colour, for rich."""
    return f"[{COLOURS[verdict]}]{verdict}[/]" if verdict in COLOURS else verdict


def counted(verdicts: Iterable[str]) -> str:
    """How often each verdict was given, those that were not left out."""
    return ", ".join(f"{n} {verdict}" for verdict, n in tally(verdicts).items() if n)


def duration(seconds: float) -> str:
    """Seconds as a person would say them."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def listed(names: Sequence[str], most: int = 5) -> str:
    """The first few names, and how many there are beside them."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def print_json(content: Any) -> None:
    """For programs: keys sorted, one a line."""
    print(json.dumps(content, indent=1, sort_keys=True))
