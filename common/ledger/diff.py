"""What changed between two revisions: verdicts and figures side by side, worst first."""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Iterable
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from common.errors import UserError
from common.ledger.folders import Folders
from common.ledger.relations import figure, split
from common.ledger.summary import summary
from common.ledger.update import PaperLedger
from common.ledger.verdicts import FAILS, HOLDS, NOT_RUN, STALE, UNRESOLVED
from common.ledger.wording import coloured

WORKSPACE = "workspace"
_RANK = {HOLDS: 0, UNRESOLVED: 1, NOT_RUN: 2, STALE: 3, FAILS: 4}
_ABSENT = "-"


def differences(
    ledgers: Iterable[PaperLedger], folders: Folders, old: str, new: str | None, scale: str
) -> dict[str, Any]:
    """Claims whose verdict or figures differ.

    Figures are the means over seeds of what the claim reads, six digits. A committed verdict is the
    one that was reached then; that of the workspace is reached now.

    Args:
        old: a git revision.
        new: another; None for the workspace.

    Raises:
        UserError: there is no such revision, or this is no git checkout.
    """
    claims, same = [], 0
    for ledger in ledgers:
        paper = ledger.plan.paper
        before = _committed(folders, old, paper)
        after = _committed(folders, new, paper) if new else _present(ledger, scale)
        for claim, check, _ in ledger.plan.checks(scale):
            row = {
                "paper": paper,
                "claim": claim.id,
                "statement": claim.statement,
                "old": _verdict(before, scale, claim.id),
                "new": _verdict(after, scale, claim.id),
                "figures": _figures(before, after, check.metrics(), scale),
            }
            if row["old"] == row["new"] and not row["figures"]:
                same += 1
                continue
            row["worse"] = _RANK.get(row["new"], -1) > _RANK.get(row["old"], 9)
            claims.append(row)
    claims.sort(key=_severity)
    return {"old": old, "new": new or WORKSPACE, "scale": scale, "claims": claims, "same": same}


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
        name = f"[bold]{row['paper']} {row['claim']}[/]"
        word = "better" if row["new"] == HOLDS else "changed"
        word = "" if row["old"] == row["new"] else "worse" if row["worse"] else word
        word = "new" if row["old"] == _ABSENT else word
        table.add_row(
            name, escape(row["statement"]), coloured(row["old"]), coloured(row["new"]), word
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
    root = folders.results.parent
    _git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}", what=revision)
    path = f"{revision}:./{folders.results.name}/{paper}.json"
    done = subprocess.run(
        ["git", "-C", str(root), "show", path], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        return {}
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON: {error}.") from error


def _git(root, *arguments: str, what: str) -> None:
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise UserError(
            f"{what!r} is no revision of a git checkout at {root}; give a commit, branch or tag."
        )


def _present(ledger: PaperLedger, scale: str) -> dict[str, Any]:
    content = summary(ledger.rows)
    content["verdicts"] = {scale: {r.claim.id: r.verdict for r in ledger.results.get(scale, [])}}
    return content


def _verdict(content: dict[str, Any], scale: str, claim: str) -> str:
    return content.get("verdicts", {}).get(scale, {}).get(claim, _ABSENT)


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


def _severity(row: dict[str, Any]) -> tuple[float, float]:
    step = _RANK.get(row["new"], -1) - _RANK.get(row["old"], 0)
    largest = max((_size(one["change"]) for one in row["figures"]), default=0.0)
    return -step, -largest


def _shown(value: float | None) -> str:
    return _ABSENT if value is None else figure(value)


def _percent(change: float | None) -> str:
    return "" if change is None else f"{100 * change:+.2g} %"
