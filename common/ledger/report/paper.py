"""The page of a paper."""

from __future__ import annotations

from common.ledger.folders import Folders
from common.ledger.relations import unique
from common.ledger.report.claim import claim_card
from common.ledger.report.curves import learning_curves
from common.ledger.report.frame import page
from common.ledger.report.markup import Markup, element
from common.ledger.report.notices import notices
from common.ledger.report.pictures import gallery, pictures
from common.ledger.report.strip import outcomes, strip
from common.ledger.report.table import scrolling
from common.ledger.report.tasks import task_table
from common.ledger.report.words import SCALE, cost, newest_commit, plural
from common.ledger.update import PaperLedger
from common.ledger.wording import counted


def paper_page(ledger: PaperLedger, folders: Folders) -> str:
    """Its claims, figures, learning curves and the figures of its tasks.

    Raises:
        UserError: the learning curves cannot be read.
    """
    paper = ledger.plan.paper
    found = outcomes(ledger)
    claims = [claim_card(paper, claim, found[claim.id]) for claim in ledger.plan.claims]
    sections = {
        "claims": ("Claims", claims),
        "figures": ("Figures", gallery(paper, pictures(folders.results / "figures" / paper))),
        "curves": ("Learning curves", _curves(ledger, folders)),
        "tasks": ("Figures of all tasks", _tasks(ledger)),
    }
    return page(
        ledger.plan.title,
        element("h1", ledger.plan.title),
        _facts(ledger, folders),
        element("nav", strip(ledger, named=True), aria_label="Claims"),
        notices([ledger], folders),
        [
            element(
                "section",
                element("h2", title, id=f"_{name}"),
                content,
                aria_labelledby=f"_{name}",
                class_=f"s-{name}",
            )
            for name, (title, content) in sections.items()
            if content
        ],
        name=f"{paper}.html",
    )


def readme(paper: str) -> str:
    """Where a paper's README is in the report."""
    return f"papers/{paper}/README.md"


def curves(paper: str) -> str:
    """Where the figures of the learning curves are in the report."""
    return f"curves/{paper}.csv"


def _facts(ledger: PaperLedger, folders: Folders) -> Markup:
    paper = ledger.plan.paper
    results = ledger.results.get(SCALE, [])
    counts = counted(r.verdict for r in results)
    runs = [row for row in ledger.rows if row.scale == SCALE]
    link = element("a", "README", href=readme(paper)) if folders.readme(paper).is_file() else None
    facts = {
        "Paper": [element("code", paper), ", " if link else None, link],
        f"At {SCALE} scale": counts or "no claims",
        "Runs": f"{plural(len(runs), 'run')}, {cost(ledger)}",
        "Newest commit": element("code", newest_commit(ledger)) if ledger.rows else None,
        "Hardware": "; ".join(unique(row.hardware for row in runs if row.hardware)),
    }
    items = (
        element("div", element("dt", name), element("dd", content))
        for name, content in facts.items()
        if content
    )
    return element("dl", items, class_="facts")


def _curves(ledger: PaperLedger, folders: Folders) -> list[Markup]:
    drawn = learning_curves(folders.curves(ledger.plan.paper))
    if not drawn:
        return []
    about = element(
        "p",
        "Means over seeds after each epoch. ",
        element("a", "The figures as CSV", href=curves(ledger.plan.paper)),
    )
    return [about, element("div", drawn, class_="multiples")]


def _tasks(ledger: PaperLedger) -> Markup | None:
    if not ledger.rows:
        return None
    return scrolling("Table of tasks", task_table(ledger.rows))
