"""What each command of ``python -m common.ledger`` but ``status`` does; each returns the exit
status."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console

from common.errors import UserError
from common.ledger.arguments import at_work, known_scale
from common.ledger.folders import Folders
from common.ledger.kept_plans import KeptPlan
from common.ledger.plan import Plan, plan
from common.ledger.planned_run import PlannedRun
from common.ledger.update import PaperLedger, look, present, update
from common.ledger.verdicts import FAILS, STALE
from common.ledger.wording import print_json

OK, FAILED = 0, 1


def check(options: argparse.Namespace, folders: Folders) -> int:
    """Every claim with its evidence; results and their page are written."""
    from common.ledger.terminal import as_json, show

    known_scale(options.scale)
    chosen = folders.chosen(options.paper)
    ledgers = _update(chosen, folders)
    # The page holds every paper: a mistake in another is said when these have been judged.
    others, mistakes = _look_at([p for p in folders.with_claims() if p not in chosen], folders)
    if not mistakes:
        _write_page(ledgers | others, folders)
    if options.json:
        print_json({paper: as_json(ledgers[paper], options.scale) for paper in chosen})
    else:
        console = Console()
        for paper in chosen:
            show(console, ledgers[paper], options.scale)
    _name_trouble(ledgers[paper] for paper in chosen)
    if mistakes:
        raise UserError("\n".join([*mistakes, f"{_page(folders)} is left as it is."]))
    return _verdict([ledgers[paper] for paper in chosen], options.scale)


def run(options: argparse.Namespace, folders: Folders) -> int:
    """What claims lack, or only what is stale."""
    from common.ledger.collect import find
    from common.ledger.runner import command, missing, run_all, stale
    from common.ledger.runs import read_runs

    known_scale(options.scale)
    at_work(options.jobs, options.threads)
    (paper,) = folders.chosen([options.paper])
    planned = plan(paper, folders.claims(paper), KeptPlan.of(paper, folders))
    wanted = planned.unique_runs(options.scale, options.claim)
    found, now = find(folders.outputs, paper), present(folders.pins)
    rows = read_runs(folders.runs(paper)).rows
    todo = missing(wanted, rows, found, now)
    if options.only_stale:
        measured_before = {run.config_hash for run in stale(wanted, rows, now)}
        todo = [run for run in todo if run.config_hash in measured_before]
    console = Console()
    console.print(f"{paper}, scale {options.scale}: {len(wanted)} runs, {len(todo)} to do")
    if options.launcher:
        return _send(options, folders, planned, todo, console)
    if options.dry_run:
        for one in todo:
            print(shlex.join(command(one, found, options.threads, folders.outputs, now)))
        return OK
    try:
        ended = run_all(
            todo,
            found,
            jobs=options.jobs,
            threads=options.threads,
            outputs=folders.outputs,
            console=console,
            present=now,
        )
    finally:
        ledger = update(paper, folders, planned)
        _name_trouble([ledger])
    failed = [e for e in ended if e.status != 0]
    if ended:
        console.print(f"{len(ended) - len(failed)} runs completed, {len(failed)} did not")
    return FAILED if failed or ledger.unwritten else OK


def _send(
    options: argparse.Namespace,
    folders: Folders,
    planned: Plan,
    todo: list[PlannedRun],
    console: Console,
) -> int:
    """The same as a sweep, for instance on a cluster; what it has recorded by then is collected."""
    from common.ledger.cluster import send

    try:
        status = send(
            todo,
            options.launcher,
            options.launcher_option,
            folders.outputs,
            console,
            dry=options.dry_run,
        )
    finally:
        ledger = None if options.dry_run else update(planned.paper, folders, planned)
    if ledger is None:
        return OK
    _name_trouble([ledger])
    return FAILED if status or ledger.unwritten else OK


def explain(options: argparse.Namespace, folders: Folders) -> int:
    """One claim, from its source to its verdict."""
    from common.ledger.explain import chain, show_chain

    known_scale(options.scale)
    (paper,) = folders.chosen([options.paper])
    ledger = look(paper, folders)
    found = chain(ledger, options.claim, options.scale, folders)
    if options.json:
        print_json(found)
    else:
        show_chain(Console(), found)
    return FAILED if found["verdict"] in (FAILS, STALE) or found["altered"] else OK


def diff(options: argparse.Namespace, folders: Folders) -> int:
    """Two revisions side by side; 1 if a verdict got worse or a claim was removed."""
    from common.ledger.asked import papers
    from common.ledger.diff import REMOVED, WORSE, differences, show_differences

    known_scale(options.scale)
    here = folders.with_claims()
    of_revisions = [options.old, *([options.new] if options.new else [])]
    known = sorted({*here, *(p for r in of_revisions for p in papers(folders, r))})
    chosen = options.paper or known
    if unknown := [paper for paper in chosen if paper not in known]:
        raise UserError(
            f"No claims of {', '.join(unknown)} here or in {' and '.join(of_revisions)}; there "
            f"are: {', '.join(known)}."
        )
    ledgers = {} if options.new else {p: look(p, folders) for p in chosen if p in here}
    found = differences(chosen, ledgers, folders, options.old, options.new, options.scale)
    if options.json:
        print_json(found)
    else:
        show_differences(Console(), found)
    return FAILED if any(row["change"] in (WORSE, REMOVED) for row in found["claims"]) else OK


def errata(options: argparse.Namespace, folders: Folders) -> int:
    """The corrections of all papers."""
    from common.ledger.errata import corrections, show_corrections

    found = corrections([look(paper, folders) for paper in folders.chosen(options.paper)])
    if options.json:
        print_json(found)
    else:
        show_corrections(Console(), found)
    return OK


def report(options: argparse.Namespace, folders: Folders) -> int:
    """The ledger as a static site."""
    from common.ledger.report import write_report

    ledgers = [look(paper, folders) for paper in folders.with_claims()]
    print(write_report(ledgers, folders, options.to))
    return OK


def collect(options: argparse.Namespace, folders: Folders) -> int:
    """Run folders into results."""
    ledgers = _update(folders.chosen(options.paper), folders)
    for paper, ledger in ledgers.items():
        if not ledger.unwritten:
            print(f"{paper}: {len(ledger.rows)} runs in {folders.runs(paper)}")
    _name_trouble(ledgers.values())
    return FAILED if any(ledger.altered for ledger in ledgers.values()) else OK


def compare(options: argparse.Namespace, folders: Folders) -> int:
    """A table of rows from several papers."""
    from common.ledger.compare import compare as write_comparison

    at_work(options.jobs, options.threads)
    page, failed = write_comparison(
        options.name,
        folders,
        run=options.run,
        time=options.time,
        jobs=options.jobs,
        threads=options.threads,
        launcher=options.launcher,
        launcher_options=options.launcher_option,
    )
    print(page)
    return FAILED if failed else OK


def validate(options: argparse.Namespace, folders: Folders) -> int:
    """Read and compose everything; every mistake of every file is named."""
    mistakes = []
    for paper in folders.chosen(options.paper):
        try:
            planned = plan(paper, folders.claims(paper))
        except UserError as mistake:
            mistakes.append(str(mistake))
            continue
        count = len(planned.expected)
        print(f"{paper}: {len(planned.claims)} claims, {count} runs, all compose")
    if mistakes:
        raise UserError("\n".join(mistakes))
    return OK


def schema(options: argparse.Namespace, folders: Folders) -> int:
    """The schema of claims.yaml, for editors."""
    from common.ledger.claims import json_schema

    print(json.dumps(json_schema(), indent=1))
    return OK


def inputs(options: argparse.Namespace, folders: Folders) -> int:
    """What a paper's results depend on, for DVC."""
    from common.ledger.inputs import write_inputs

    (paper,) = folders.chosen([options.paper])
    print(write_inputs(plan(paper, folders.claims(paper), KeptPlan.of(paper, folders)), folders))
    return OK


def readme(options: argparse.Namespace, folders: Folders) -> int:
    """The tables of READMEs; with ``--check`` 1 if one is not what the ledger makes now."""
    from common.atomic import write_text
    from common.ledger.pages import paper_page, papers_table, results_page
    from common.ledger.readme import filled

    if options.root and options.paper:
        raise UserError("--root fills the repository's README, which holds every paper; name none.")
    papers = folders.chosen(options.paper)
    made = {p: look(p, folders) if options.check else update(p, folders) for p in papers}
    pages = {}
    if options.root or (options.check and not options.paper):
        root = folders.root_readme
        pages[root] = filled(root, papers_table(made.values()))
    if not options.root:
        for paper, ledger in made.items():
            path = folders.readme(paper)
            pages[path] = filled(path, paper_page(ledger))
    if options.check:
        if not options.paper:
            pages[_page(folders)] = results_page(list(made.values()))
        other = [path for path, text in pages.items() if not _holds(path, text)]
        for path in other:
            print(f"{path}: its tables are not those of the ledger; run ledger readme and check")
        return FAILED if other else OK
    for path, text in pages.items():
        print(f"{path}: {'written' if write_text(path, text) else 'unchanged'}")
    return OK


def _update(papers: Sequence[str], folders: Folders) -> dict[str, PaperLedger]:
    return {paper: update(paper, folders) for paper in papers}


def _look_at(papers: Sequence[str], folders: Folders) -> tuple[dict[str, PaperLedger], list[str]]:
    """What is known of papers, and the mistakes of those whose claims cannot be read."""
    ledgers, mistakes = {}, []
    for paper in papers:
        try:
            ledgers[paper] = look(paper, folders)
        except UserError as mistake:
            mistakes.append(str(mistake))
    return ledgers, mistakes


def _page(folders: Folders) -> Path:
    return folders.results / "README.md"


def _write_page(ledgers: dict[str, PaperLedger], folders: Folders) -> None:
    from common.atomic import write_text
    from common.ledger.pages import results_page

    write_text(_page(folders), results_page([ledgers[paper] for paper in sorted(ledgers)]))


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text() == text


def _verdict(ledgers: Iterable[PaperLedger], scale: str) -> int:
    """1 if a claim fails or is stale, or a figure is not what was recorded."""
    for ledger in ledgers:
        bad = any(r.verdict in (FAILS, STALE) for r in ledger.results.get(scale, []))
        if bad or ledger.altered:
            return FAILED
    return OK


def _name_trouble(ledgers: Iterable[PaperLedger]) -> None:
    for ledger in ledgers:
        said = [f"not as recorded: {sentence}" for sentence in ledger.altered]
        said += [*ledger.warnings, *([ledger.unwritten] if ledger.unwritten else [])]
        for sentence in said:
            print(f"ledger: {sentence}", file=sys.stderr)
