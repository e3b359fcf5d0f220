"""What the report says in words."""

from __future__ import annotations

from collections.abc import Iterable

from common.ledger.evaluate import Result
from common.ledger.update import PaperLedger
from common.ledger.verdicts import FAILS, HOLDS, NOT_RUN, STALE, UNRESOLVED
from common.ledger.wording import duration

SCALE = "laptop"  # of the overview
SCALES = ("laptop", "paper", "smoke")  # in the order of a page

MEANINGS = {
    HOLDS: "every inequality that was fixed before the run is met",
    FAILS: "one is not met, and no more runs would change that",
    UNRESOLVED: "the interval over seeds straddles a bound, or no bound is fixed",
    NOT_RUN: "something is missing: a run, a data set, a machine",
    STALE: "measured before a change of the configuration, code or data it depends on",
}

_DATA = {
    "yes": "the paper's own data",
    "no": "not, or not all, the paper's own data",
    "-": "none needed",
}


def plural(count: int, noun: str) -> str:
    """``1 run``, ``2 runs``."""
    return f"{count} {noun}{'s'[: count != 1]}"


def data(result: Result) -> str:
    """``data_is_paper_data``."""
    return _DATA[result.evidence.paper_data]


def commits(named: Iterable[str]) -> str:
    """Abbreviated; ``+`` marks a tree with other changes."""
    return ", ".join(c[:8] + "+" * (c.endswith("+") and len(c) > 8) for c in named)


def newest_commit(ledger: PaperLedger) -> str:
    """That the latest run of a paper ran; empty if there is no run."""
    if not ledger.rows:
        return ""
    row = max(ledger.rows, key=lambda r: (r.started, r.commit))
    return commits([(row.commit or "unknown") + "+" * (row.dirty == "yes")])


def seconds(ledger: PaperLedger, scale: str = SCALE) -> float:
    """What the runs of a scale took, one after the other."""
    return sum(row.seconds for row in ledger.rows if row.scale == scale)


def cost(ledger: PaperLedger, scale: str = SCALE) -> str:
    """The same, as a person would say it."""
    return duration(seconds(ledger, scale))


def typeset(text: str) -> str:
    """Relations with the signs of mathematics."""
    return text.replace(">=", "≥").replace("<=", "≤")


def ordered(scales: Iterable[str]) -> list[str]:
    """Scales in the order of a page."""
    there = set(scales)
    return [scale for scale in SCALES if scale in there]
