"""What changed between two revisions: verdicts, figures and what is asked, worst first."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from common.ledger import asked, revisions
from common.ledger.asked import ABSENT
from common.ledger.folders import Folders
from common.ledger.relations import figure, unique
from common.ledger.side import Side, committed, present
from common.ledger.update import PaperLedger
from common.ledger.verdicts import FAILS, HOLDS, NOT_RUN, STALE, UNRESOLVED
from common.ledger.wording import coloured

WORKSPACE = "workspace"
_RANK = {HOLDS: 0, UNRESOLVED: 1, NOT_RUN: 2, STALE: 3, FAILS: 4}
NEW, REMOVED, WORSE, BETTER = "new", "removed", "worse", "better"


def differences(
    papers: Iterable[str],
    ledgers: Mapping[str, PaperLedger],
    folders: Folders,
    old: str,
    new: str | None,
    scale: str,
) -> dict[str, Any]:
    """Claims whose verdict or figures differ, that ask something else, are new or were removed.

    A committed verdict is the one that was reached then; that of the workspace is reached now.

    Args:
        papers: to compare; one may be in either revision only.
        ledgers: of those that are in the workspace.
        old: a git revision.
        new: another; None for the workspace.

    Raises:
        UserError: there is no such revision, or this is no git checkout.
    """
    for revision in (old, *([new] if new else [])):
        revisions.known(folders.results.parent, revision)
    rows = []
    for paper in papers:
        before = committed(paper, old, folders, scale)
        after = (
            committed(paper, new, folders, scale)
            if new
            else present(paper, ledgers.get(paper), folders, scale)
        )
        rows += [
            {"paper": paper, "claim": claim} | _row(claim, before, after)
            for claim in unique([*after.claims, *before.claims])
            if after.check(claim) or before.check(claim)
        ]
    differing = sorted((row for row in rows if _differs(row)), key=_severity)
    return {
        "old": old,
        "new": new or WORKSPACE,
        "scale": scale,
        "claims": differing,
        "same": len(rows) - len(differing),
    }


def _row(claim: str, before: Side, after: Side) -> dict[str, Any]:
    was, now = before.claims.get(claim), after.claims.get(claim)
    return {
        "statement": str((now or was or {}).get("statement", "")),
        "old": before.verdict(claim),
        "new": after.verdict(claim),
        "change": _change(claim, before, after),
        "asked": asked.moved(was, now, after.scale),
        "figures": _figures(before.figures(claim), after.figures(claim)),
    }


def _change(claim: str, before: Side, after: Side) -> str:
    if not after.check(claim):
        return REMOVED
    old, new = before.verdict(claim), after.verdict(claim)
    if not before.check(claim) or old == ABSENT != new:
        return NEW
    if old == new:
        return ""
    if _RANK.get(new, 0) > _RANK.get(old, 0):
        return WORSE
    return BETTER if new == HOLDS else "changed"


def _differs(row: dict[str, Any]) -> bool:
    return bool(row["change"] or row["asked"] or row["figures"])


def show_differences(console: Console, found: dict[str, Any]) -> None:
    """A section a claim: its verdicts, then its figures."""
    if not found["claims"]:
        console.print(f"{found['old']} and {found['new']}: {found['same']} claims, all the same")
        return
    table = Table(header_style="bold", box=SIMPLE_HEAD)
    table.add_column("claim", no_wrap=True)
    table.add_column("figure", overflow="fold")
    table.add_column(escape(found["old"]), justify="right")
    table.add_column(escape(found["new"]), justify="right")
    table.add_column("change", justify="right", no_wrap=True)
    for row in found["claims"]:
        table.add_row(
            f"[bold]{row['paper']} {row['claim']}[/]",
            escape(row["statement"]),
            coloured(row["old"]),
            coloured(row["new"]),
            row["change"],
        )
        for one in row["asked"]:
            table.add_row(
                "",
                *(escape(text) for text in (f"  {one['entry']}", one["old"], one["new"])),
                "asked",
            )
        for one in row["figures"]:
            table.add_row(
                "",
                f"  {escape(one['metric'])}",
                *map(_shown, (one["old"], one["new"])),
                _percent(one["change"]),
            )
        table.add_section()
    console.print(table)
    console.print(f"{len(found['claims'])} claims differ, {found['same']} are the same")


def _figures(
    before: Mapping[str, float | None], after: Mapping[str, float | None]
) -> list[dict[str, Any]]:
    pairs = [(m, before.get(m), after.get(m)) for m in unique([*after, *before])]
    found = [
        {"metric": metric, "old": a, "new": b, "change": _relative(a, b)}
        for metric, a, b in pairs
        if a != b
    ]
    return sorted(found, key=lambda one: -_size(one["change"]))


def _relative(a: float | None, b: float | None) -> float | None:
    """None where one of the two is not there or the first is zero."""
    return (b - a) / abs(a) if a and b is not None else None


def _size(change: float | None) -> float:
    return math.inf if change is None else abs(change)


def _severity(row: dict[str, Any]) -> tuple[float, bool, float]:
    step = _RANK.get(row["new"], -1) - _RANK.get(row["old"], 0)
    step = len(_RANK) if row["change"] == REMOVED else step
    largest = max((_size(one["change"]) for one in row["figures"]), default=0.0)
    return -step, not row["asked"], -largest


def _shown(value: float | None) -> str:
    return ABSENT if value is None else figure(value)


def _percent(change: float | None) -> str:
    return "" if change is None else f"{100 * change:+.2g} %"
