"""The corrections of all papers: where paper, code and measurement disagree."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.markup import escape

from common.ledger.update import PaperLedger
from common.ledger.wording import coloured

SCALE = "laptop"


def corrections(ledgers: Iterable[PaperLedger]) -> list[dict[str, Any]]:
    """Each correction with the verdict of its check."""
    found = []
    for ledger in ledgers:
        verdicts = {r.claim.id: r.verdict for r in ledger.results.get(SCALE, [])}
        for claim in ledger.plan.claims:
            if claim.correction is not None:
                found.append(
                    {
                        "paper": ledger.plan.paper,
                        "title": ledger.plan.title,
                        "claim": claim.id,
                        "statement": claim.statement,
                        "source": claim.source,
                        "verdict": verdicts.get(claim.id, ""),
                        "says": claim.correction.model_dump(exclude={"test"}),
                        "test": claim.correction.test,
                    }
                )
    return found


def show_corrections(console: Console, found: list[dict[str, Any]]) -> None:
    """A paragraph each."""
    for one in found:
        head = f"[bold]{one['paper']} {one['claim']}[/] {escape(one['statement'])}"
        console.print(f"{head} ({escape(one['source'])})  {coloured(one['verdict'])}")
        for name, text in (*one["says"].items(), ("test", one["test"])):
            console.print(f"  {name:<12}{escape(text)}", highlight=False, soft_wrap=True)
    console.print(f"{len(found)} corrections")
