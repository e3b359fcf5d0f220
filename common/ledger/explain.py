"""The whole chain of one claim: statement, source, runs, records, figures, relation, verdict."""

from __future__ import annotations

import shlex
from typing import Any

from rich.console import Console
from rich.markup import escape

from common.errors import UserError
from common.ledger.claims import Reported
from common.ledger.collect import find
from common.ledger.evaluate import Result
from common.ledger.folders import Folders
from common.ledger.intervals import of_mean
from common.ledger.planned_run import PlannedRun
from common.ledger.relations import figure, shown, split
from common.ledger.runs import RunRow
from common.ledger.terminal import explanation, result_json
from common.ledger.update import PaperLedger, present
from common.ledger.wording import coloured, duration, listed


def chain(ledger: PaperLedger, claim: str, scale: str, folders: Folders) -> dict[str, Any]:
    """Everything behind a verdict, as plain data.

    Raises:
        UserError: there is no such claim, or it is not tested at that scale.
    """
    found = ledger.plan.claim(claim)
    if scale not in found.checks:
        tested = ", ".join(found.checks) or f"none; measured by {', '.join(found.measured_by)}"
        raise UserError(
            f"{ledger.plan.paper} {claim} has no check at scale {scale}; it has {tested}."
        )
    (result,) = [r for r in ledger.results[scale] if r.claim.id == claim]
    rows = {row.key: row for row in result.evidence.rows}
    attempts = find(folders.outputs, ledger.plan.paper).completed
    places = {attempt.row.sha256: attempt.folder for attempt in attempts}
    changes = present(folders.pins).changes
    content = {"paper": ledger.plan.paper, "claim": claim} | result_json(ledger.plan.paper, result)
    if found.correction is not None:
        content["correction"] = found.correction.model_dump()
    content["runs"] = [_run(run, rows.get(run.key), places, changes) for run in result.runs]
    content["figures"] = _figures(result, rows)
    content["notes"] = explanation(result)
    content["altered"] = list(ledger.altered)
    return content


def show_chain(console: Console, found: dict[str, Any]) -> None:
    """The chain, from the paper's sentence down to our figures and up to the verdict."""

    def say(text: str = "") -> None:
        console.print(text, highlight=False, soft_wrap=True)

    reported = "; ".join(str(Reported(**one)) for one in found["reported"])
    say(
        f"[bold]{found['paper']} {found['claim']}[/] ({found['kind']}) {coloured(found['verdict'])}"
    )
    say(f"  {escape(found['statement'])}")
    say(f"  source     {escape(found['source'])}")
    say(f"  published  {escape(reported)}")
    for name, text in found.get("correction", {}).items():
        say(f"  {name:<11}{escape(text)}")
    say(f"\n[bold]Runs[/] at scale {found['scale']}")
    for run in found["runs"]:
        say(f"  {escape(run['name'])}  config {run['config_hash']}  {escape(run['state'])}")
        if run["measured"]:
            say(f"    [dim]{escape(run['evidence'])}[/]")
        say(f"    [dim]{escape(run['command'])}[/]")
    say("\n[bold]Figures[/]")
    for metric, line in found["figures"].items():
        say(f"  {escape(metric)}: {escape(line)}")
    say("\n[bold]Relation[/]")
    for part in found["compared"]:
        bound = f" {part['bound']}" if part["bound"] else ""
        seeds = f"  (n = {part['seeds']})" if part["seeds"] else ""
        say(
            f"  {escape(part['name'])}: {escape(part['measured'] or '-')}{escape(bound)}"
            f"{seeds}  {coloured(part['verdict'])}"
        )
    if found["budget"]:
        say(f"  budget: {escape(found['budget'])}")
    say(f"\n[bold]Verdict[/] {coloured(found['verdict'])}")
    for line in found["notes"]:
        say(f"  {escape(line)}")
    for line in found["altered"]:
        say(f"  not as recorded: {escape(line)}")
    say(f"  [dim]{escape(found['command'])}[/]")


def _run(run: PlannedRun, row: RunRow | None, places: dict[str, str], changes) -> dict[str, Any]:
    content: dict[str, Any] = {
        "name": f"{run.task} {run.variant} seed {run.seed}",
        "config_hash": run.config_hash,
        "command": shlex.join(["python", "run.py", *run.arguments]),
        "measured": row is not None,
    }
    if row is None:
        return content | {"state": "not run"}
    changed = changes(row, run.config_hash)
    return content | {
        "state": f"stale: {listed(changed)}" if changed else "up to date",
        "changed": changed,
        "commit": row.commit,
        "dirty": row.dirty,
        "data": row.data,
        "data_is_paper_data": row.paper_data,
        "seconds": row.seconds,
        "sha256": row.sha256,
        "record": places.get(row.sha256, ""),
        "evidence": (
            f"commit {row.commit or 'unknown'}{'+' if row.dirty == 'yes' else ''}, {row.started}, "
            f"{duration(row.seconds)} on {row.hardware} with {row.threads} threads; "
            f"{len(row.code)} source files; data {', '.join(row.data) or 'none'}; "
            f"sha256 {row.sha256[:12]}"
            + (f"; {places[row.sha256]}" if row.sha256 in places else "")
        ),
    }


def _figures(result: Result, rows: dict) -> dict[str, str]:
    lines = {}
    for metric in result.check.metrics():
        task, variant, name = split(metric)
        values = [
            rows[run.key].metrics[name]
            for run in sorted(result.runs, key=lambda r: r.seed)
            if (run.task, run.variant) == (task, variant)
            and run.key in rows
            and name in rows[run.key].metrics
        ]
        if not values:
            lines[metric] = "-"
        elif len(values) == 1:
            lines[metric] = figure(values[0])
        else:
            each = ", ".join(map(figure, values))
            lines[metric] = f"{each}; mean {shown(of_mean(values))}"
    return lines
