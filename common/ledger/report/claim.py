"""A claim with all that its verdict rests on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from common.ledger.claims import THEORY, Claim, Reported
from common.ledger.evaluate import Result
from common.ledger.report.badge import badge
from common.ledger.report.correction import correction_list
from common.ledger.report.findings import findings_table
from common.ledger.report.markup import Markup, element, join
from common.ledger.report.words import commits, data, ordered, plural
from common.ledger.terminal import NO_NOTE, budget, run_command
from common.ledger.verdicts import FAILS, UNRESOLVED
from common.ledger.wording import duration

_FEW = 4  # items shown without opening a list


def claim_card(paper: str, claim: Claim, results: Mapping[str, Result]) -> Markup:
    """Everything about one claim.

    Args:
        results: scale -> outcome.
    """
    scales = ordered(results)
    return element(
        "article",
        element(
            "h3",
            element("a", claim.id, href=f"#{claim.id}", class_="id"),
            " ",
            element("span", claim.statement, class_="statement"),
            id=f"_{claim.id}",
        ),
        element("p", claim.kind, class_="kind"),
        element(
            "div",
            element("p", claim.source, class_="source"),
            element("dl", _fact("Published", _published(claim.reported)), class_="facts"),
            correction_list(claim.correction.model_dump()) if claim.correction else None,
            element("p", *_measured_by(claim)) if claim.measured_by else None,
            _note(claim, results.values()),
            class_="about",
        ),
        (_at_scale(paper, results[scale]) for scale in scales),
        class_="claim",
        id=claim.id,
        aria_labelledby=f"_{claim.id}",
    )


def _published(reported: Sequence[Reported]) -> Markup:
    texts = [join([str(one), element("span", f", {one.scale} scale")]) for one in reported]
    return join(texts) if len(texts) == 1 else element("ul", (element("li", t) for t in texts))


def _measured_by(claim: Claim) -> list[Any]:
    links = [element("a", other, href=f"#{other}") for other in claim.measured_by]
    between = [", "] * (len(links) - 1) + ["."]
    what = "No run can measure this as it stands" if claim.kind == THEORY else "Not measured itself"
    pairs = zip(links, between, strict=True)
    return [f"{what}; its measurable part: ", *(part for pair in pairs for part in pair)]


def _note(claim: Claim, results: Iterable[Result]) -> Markup | None:
    open_ = any(result.verdict in (FAILS, UNRESOLVED) for result in results)
    text = claim.note or (f"{NO_NOTE[0].upper()}{NO_NOTE[1:]}." if open_ else "")
    return element("p", text, class_="note") if text else None


def _at_scale(paper: str, result: Result) -> Markup:
    command = run_command(paper, result.claim.id, result.scale)
    return element(
        "section",
        element(
            "h4",
            element("span", f"{result.scale} scale", class_="scale"),
            " ",
            badge(result.verdict),
        ),
        element(
            "div",
            findings_table(result),
            element(
                "dl",
                _listing("Missing", "missing", result.missing),
                _listing("Changed since", "changed", result.changed),
                _fact("Budget", budget(result), wide=True),
                _fact("Needs", result.check.needs),
                *(_evidence(result) if result.evidence.rows else _estimate(result)),
                class_="facts",
            ),
            element(
                "div",
                element("code", command),
                " ",
                element(
                    "button",
                    "Copy",
                    type="button",
                    class_="copy scripted",
                    aria_label=f"Copy the command of {result.claim.id} at {result.scale} scale",
                ),
                class_="command",
            ),
            class_="body",
        ),
        class_="at-scale",
    )


def _evidence(result: Result) -> list[Markup | None]:
    found = result.evidence
    seeds = len({row.seed for row in found.rows})
    runs = f"{plural(len(found.rows), 'run')}, {plural(seeds, 'seed')}"
    return [
        _fact("Data", data(result)),
        _fact("Runs", runs),
        _fact("Cost", duration(found.seconds)),
        _fact("Commit", element("code", commits(found.commits))),
        _fact("Hardware", "; ".join(found.hardware)),
    ]


def _estimate(result: Result) -> list[Markup | None]:
    minutes = result.check.cost_minutes
    wait = f"about {duration(60 * minutes)} on two CPU cores" if minutes else ""
    return [_fact("Runs", f"{len(result.runs)}, none measured"), _fact("Cost", wait)]


def _listing(title: str, word: str, items: Sequence[str]) -> Markup | None:
    if len(items) <= _FEW:
        return _fact(title, "; ".join(items), wide=True)
    lines = element("ul", (element("li", item) for item in items))
    summary = element("summary", f"{len(items)} items {word}: {items[0]}, …")
    return _fact(title, element("details", summary, lines), wide=True)


def _fact(name: str, content: Any, wide: bool = False) -> Markup | None:
    if not content:
        return None
    return element(
        "div", element("dt", name), element("dd", content), class_="wide" if wide else None
    )
