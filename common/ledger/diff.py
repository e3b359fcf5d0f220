"""What changed between two revisions: verdicts, figures and what is asked, worst first."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from common.errors import UserError
from common.ledger import asked
from common.ledger.folders import Folders
from common.ledger.relations import figure, split
from common.ledger.summary import summary
from common.ledger.update import PaperLedger
from common.ledger.verdicts import FAILS, HOLDS, NOT_RUN, STALE, UNRESOLVED
from common.ledger.wording import coloured

WORKSPACE = "workspace"
_RANK = {HOLDS: 0, UNRESOLVED: 1, NOT_RUN: 2, STALE: 3, FAILS: 4}
ABSENT = "-"
NEW, REMOVED, WORSE = "new", "removed", "worse"


def differences(
    papers: Iterable[str],
    ledgers: Mapping[str, PaperLedger],
    folders: Folders,
    old: str,
    new: str | None,
    scale: str,
) -> dict[str, Any]:
    """Claims whose verdict or figures differ, that ask something else, are new or were removed.

    Figures are the means over seeds of what the claim reads, six digits. A committed verdict is the
    one that was reached then; that of the workspace is reached now.

    Args:
        papers: to compare; one may be in either revision only.
        ledgers: of those that are in the workspace.
        old: a git revision.
        new: another; None for the workspace.

    Raises:
        UserError: there is no such revision, or this is no git checkout.
    """
    root = folders.results.parent
    for revision in (old, new):
        if revision and not asked.git(root, "rev-parse", "--verify", f"{revision}^{{commit}}"):
            raise UserError(
                f"{revision!r} is no revision of a git checkout at {root}; give a commit, branch "
                "or tag."
            )
    rows = [
        row
        for paper in papers
        for row in _of_paper(paper, ledgers.get(paper), folders, old, new, scale)
    ]
    differing = sorted((row for row in rows if _differs(row)), key=_severity)
    return {
        "old": old,
        "new": new or WORKSPACE,
        "scale": scale,
        "claims": differing,
        "same": len(rows) - len(differing),
    }


def _of_paper(
    paper: str,
    ledger: PaperLedger | None,
    folders: Folders,
    old: str,
    new: str | None,
    scale: str,
) -> Iterator[dict[str, Any]]:
    """A row for each claim that either side tests at the scale."""
    before = _committed(folders, old, paper)
    after = _committed(folders, new, paper) if new else _present(ledger, scale)
    claims_before, claims_after = (asked.claims(folders, r, paper) for r in (old, new))
    for claim in dict.fromkeys([*claims_after, *claims_before]):
        was, now = claims_before.get(claim), claims_after.get(claim)
        old_check, new_check = asked.check(was, scale), asked.check(now, scale)
        if not old_check and not new_check:
            continue
        metrics = dict.fromkeys([*asked.metrics(new_check), *asked.metrics(old_check)])
        row = {
            "paper": paper,
            "claim": claim,
            "statement": str((now or was or {}).get("statement", "")),
            "old": _verdict(before, scale, claim),
            "new": _verdict(after, scale, claim) if new_check else ABSENT,
            # What a new claim asks is not a change.
            "asked": asked.moved(old_check, new_check) if old_check and new_check else [],
            "figures": _figures(before, after, metrics, scale),
        }
        yield row | {"change": _change_of(row["old"], row["new"])}


def _change_of(old: str, new: str) -> str:
    if old == new:
        return ""
    if old == ABSENT:
        return NEW
    if new == ABSENT:
        return REMOVED
    if _RANK[new] > _RANK[old]:
        return WORSE
    return "better" if new == HOLDS else "changed"


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


def _committed(folders: Folders, revision: str, paper: str) -> dict[str, Any]:
    """``results/<paper>.json`` as it was in a revision; empty if it was not there."""
    path = f"{revision}:./{folders.results.name}/{paper}.json"
    text = asked.git(folders.results.parent, "show", path)
    if text is None:
        return {}
    try:
        return json.loads(text)
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON: {error}.") from error


def _present(ledger: PaperLedger | None, scale: str) -> dict[str, Any]:
    if ledger is None:
        return {}
    content = summary(ledger.rows)
    content["verdicts"] = {scale: {r.claim.id: r.verdict for r in ledger.results.get(scale, [])}}
    return content


def _verdict(content: dict[str, Any], scale: str, claim: str) -> str:
    return content.get("verdicts", {}).get(scale, {}).get(claim, ABSENT)


def _figures(
    before: dict[str, Any], after: dict[str, Any], metrics: Iterable[str], scale: str
) -> list[dict[str, Any]]:
    found = []
    for metric in metrics:
        a, b = _mean(before, metric, scale), _mean(after, metric, scale)
        if a != b:
            found.append({"metric": metric, "old": a, "new": b, "change": _change(a, b)})
    return sorted(found, key=lambda one: -_size(one["change"]))


def _mean(content: dict[str, Any], metric: str, scale: str) -> float | None:
    task, variant, name = split(metric)
    place = content.get(task, {}).get(scale, {}).get(variant, {}).get(name, {})
    return place.get("mean")


def _change(a: float | None, b: float | None) -> float | None:
    """Relative; None where one of the two is not there or the first is zero."""
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
