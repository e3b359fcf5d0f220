"""``python -m common.ledger``: run, collect, check and print what is claimed.

Exit status: 0 done (whatever the verdicts), 1 a run failed, 2 a mistake of the user's,
130 interrupted.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from common.errors import UserError
from common.ledger.folders import Folders

if TYPE_CHECKING:
    from common.ledger.update import PaperLedger

OK, FAILED, MISTAKE, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None, folders: Folders | None = None) -> int:
    """Entry point; returns the exit status."""
    options = _parser().parse_args(argv)
    try:
        places = folders or Folders.default()
        if options.output_root is not None:
            places = dataclasses.replace(places, outputs=options.output_root)
        action: Callable[[argparse.Namespace, Folders], int] = options.action
        return action(options, places)
    except UserError as mistake:
        print(f"ledger: {mistake}", file=sys.stderr)
        return MISTAKE
    except KeyboardInterrupt:
        print("ledger: interrupted; the same command goes on from here", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m common.ledger", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")

    def add(name: str, action: Callable[..., int], text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(action=action)
        command.add_argument(
            "--output-root", type=Path, metavar="FOLDER", help="of the runs (default: outputs)"
        )
        return command

    def scale(command: argparse.ArgumentParser) -> None:
        command.add_argument("--scale", default="laptop", help="smoke, laptop or paper")

    check = add("check", _check, "Say which claims hold; writes results/.")
    check.add_argument("paper", nargs="*", help="default: all")
    scale(check)
    check.add_argument("--json", action="store_true", help="print JSON instead of a table")

    run = add("run", _run, "Run what a paper's claims lack, then collect; call again to resume.")
    run.add_argument("paper")
    run.add_argument("--claim", action="append", metavar="ID", help="only this one; repeatable")
    scale(run)
    run.add_argument("--jobs", type=int, default=2, help="runs at a time (default: 2)")
    run.add_argument("--threads", type=int, default=1, help="CPU threads of a run (default: 1)")
    run.add_argument("--dry-run", action="store_true", help="print the commands and stop")

    collect = add("collect", _collect, "Merge run folders into results/<paper>.csv and .json.")
    collect.add_argument("paper", nargs="*", help="default: all")

    compare = add("compare", _compare, "Write a table of rows from several papers.")
    compare.add_argument("name", help="of comparisons/<name>.yaml")
    compare.add_argument("--run", action="store_true", help="run what it lacks")
    compare.add_argument("--time", action="store_true", help="time a step of each model, alone")
    compare.add_argument("--jobs", type=int, default=2, help="runs at a time (default: 2)")
    compare.add_argument("--threads", type=int, default=1, help="CPU threads of a run (default: 1)")

    validate = add("validate", _validate, "Read every claims.yaml and compose every run.")
    validate.add_argument("paper", nargs="*", help="default: all")

    readme = add("readme", _readme, "Rewrite the tables between the markers of READMEs.")
    readme.add_argument("paper", nargs="*", help="default: all")
    readme.add_argument("--root", action="store_true", help="the README of the repository instead")
    return parser


def _check(options: argparse.Namespace, folders: Folders) -> int:
    from rich.console import Console

    from common.ledger.terminal import as_json, show

    _known_scale(options.scale)
    chosen = folders.chosen(options.paper)
    ledgers = _update(folders.with_claims(), folders)
    _write_page(ledgers, folders)
    if options.json:
        import json

        content = {paper: as_json(ledgers[paper], options.scale) for paper in chosen}
        print(json.dumps(content, indent=1, sort_keys=True))
        return OK
    console = Console()
    for paper in chosen:
        show(console, ledgers[paper], options.scale)
    return OK


def _run(options: argparse.Namespace, folders: Folders) -> int:
    import shlex

    from rich.console import Console

    from common.ledger.collect import find
    from common.ledger.plan import plan
    from common.ledger.rows import read_csv
    from common.ledger.runner import command, missing, run_all
    from common.ledger.update import update

    _known_scale(options.scale)
    _positive(options)
    (paper,) = folders.chosen([options.paper])
    planned = plan(paper, folders.claims(paper))
    runs = planned.unique_runs(options.scale, options.claim)
    found = find(folders.outputs, paper)
    todo = missing(runs, read_csv(folders.rows(paper)), found)
    console = Console()
    console.print(f"{paper}, scale {options.scale}: {len(runs)} runs, {len(todo)} missing")
    if options.dry_run:
        for run in todo:
            print(shlex.join(command(run, found, options.threads, folders.outputs)))
        return OK
    try:
        ended = run_all(
            todo,
            found,
            jobs=options.jobs,
            threads=options.threads,
            outputs=folders.outputs,
            console=console,
        )
    finally:
        update(paper, folders, planned)
    failed = [e for e in ended if e.status != 0]
    if ended:
        console.print(f"{len(ended) - len(failed)} runs completed, {len(failed)} did not")
    return FAILED if failed else OK


def _collect(options: argparse.Namespace, folders: Folders) -> int:
    for paper, ledger in _update(folders.chosen(options.paper), folders).items():
        for warning in ledger.warnings:
            print(f"ledger: {warning}", file=sys.stderr)
        print(f"{paper}: {len(ledger.rows)} runs in {folders.rows(paper)}")
    return OK


def _compare(options: argparse.Namespace, folders: Folders) -> int:
    from common.ledger.compare import compare

    _positive(options)
    page, failed = compare(
        options.name,
        folders,
        run=options.run,
        time=options.time,
        jobs=options.jobs,
        threads=options.threads,
    )
    print(page)
    return FAILED if failed else OK


def _validate(options: argparse.Namespace, folders: Folders) -> int:
    from common.ledger.plan import plan

    for paper in folders.chosen(options.paper):
        planned = plan(paper, folders.claims(paper))
        print(f"{paper}: {len(planned.claims)} claims, {len(planned.expected)} runs, all compose")
    return OK


def _readme(options: argparse.Namespace, folders: Folders) -> int:
    from common.ledger.pages import paper_page, papers_table
    from common.ledger.readme import fill

    if options.root and options.paper:
        raise UserError("--root fills the repository's README, which holds every paper; name none.")
    ledgers = _update(folders.chosen(options.paper), folders)
    if options.root:
        filled = {folders.root_readme: papers_table(ledgers.values())}
    else:
        filled = {folders.readme(p): paper_page(ledger) for p, ledger in ledgers.items()}
    for path, content in filled.items():
        print(f"{path}: {'written' if fill(path, content) else 'unchanged'}")
    return OK


def _update(papers: Sequence[str], folders: Folders) -> dict[str, PaperLedger]:
    from common.ledger.update import update

    return {paper: update(paper, folders) for paper in papers}


def _write_page(ledgers: dict[str, PaperLedger], folders: Folders) -> None:
    from common.atomic import write_text
    from common.ledger.pages import results_page

    write_text(folders.results / "README.md", results_page(list(ledgers.values())))


def _positive(options: argparse.Namespace) -> None:
    if options.jobs < 1 or options.threads < 1:
        raise UserError(f"--jobs {options.jobs} and --threads {options.threads} start at 1.")


def _known_scale(scale: str) -> None:
    from common.experiment import registry

    if scale not in registry.scales():
        raise UserError(f"Unknown scale {scale!r}; allowed: {', '.join(registry.scales())}.")


if __name__ == "__main__":
    sys.exit(main())
