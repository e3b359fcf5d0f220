"""``python -m common.ledger``: run, check, compare and explain what is claimed.

Exit status of status, check, explain: 0 if of what was looked at nothing fails or is stale, and no
figure is other than recorded, else 1. Of diff: 1 if a verdict got worse. Of run: 1 if a run failed.
Of all: 2 a mistake of the user's, 130 interrupted.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from common.errors import UserError
from common.ledger.folders import Folders

MISTAKE, INTERRUPTED, CLOSED = 2, 130, 141


def main(argv: Sequence[str] | None = None, folders: Folders | None = None) -> int:
    """Entry point; returns the exit status."""
    options = _parser().parse_args(argv)
    try:
        places = folders or Folders.default()
        if options.output_root is not None:
            places = dataclasses.replace(places, outputs=options.output_root)
        # Claims, rows and findings live until the command ends: looking for garbage among them
        # takes a third of the time.
        gc.set_threshold(1_000_000)
        # What a command needs is imported when it is called: --help answers at once.
        module = "status" if options.action == "status" else "commands"
        commands = import_module(f"common.ledger.{module}")
        action: Callable[[argparse.Namespace, Folders], int] = getattr(commands, options.action)
        status = action(options, places)
        sys.stdout.flush()
        return status
    except UserError as mistake:
        print(f"ledger: {mistake}", file=sys.stderr)
        return MISTAKE
    except BrokenPipeError:  # the reader of our output, head for instance, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED
    except KeyboardInterrupt:
        print("ledger: interrupted; the same command goes on from here", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m common.ledger", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(action=name)
        command.add_argument(
            "--output-root", type=Path, metavar="FOLDER", help="of the runs (default: outputs)"
        )
        return command

    def papers(command: argparse.ArgumentParser) -> None:
        command.add_argument("paper", nargs="*", help="default: all")

    def shown(command: argparse.ArgumentParser, scale: bool = True) -> None:
        if scale:
            command.add_argument("--scale", default="laptop", help="laptop or paper")
        command.add_argument("--json", action="store_true", help="print JSON instead of a table")

    def parallel(command: argparse.ArgumentParser) -> None:
        command.add_argument("--jobs", type=int, default=2, help="runs at a time (default: 2)")
        command.add_argument("--threads", type=int, default=1, help="CPU threads of a run (1)")

    def launched(command: argparse.ArgumentParser) -> None:
        command.add_argument(
            "--launcher",
            metavar="NAME",
            help="run them as a sweep of this hydra/launcher (local, slurm, slurm_debug) instead",
        )
        command.add_argument(
            "--launcher-option",
            action="append",
            default=[],
            metavar="KEY=VALUE",
            help="one of its options, hydra.launcher.partition=gpu; repeatable",
        )

    status = add(
        "status", "Count the verdicts of every paper and name what is open; writes nothing."
    )
    papers(status)
    shown(status)

    check = add("check", "Say which claims hold; writes results/.")
    papers(check)
    shown(check)

    run = add("run", "Run what a paper's claims lack, then collect; call again to resume.")
    run.add_argument("paper")
    run.add_argument("--claim", action="append", metavar="ID", help="only this one; repeatable")
    run.add_argument("--scale", default="laptop", help="laptop or paper")
    run.add_argument(
        "--only-stale", action="store_true", help="only what was measured before a change"
    )
    parallel(run)
    launched(run)
    run.add_argument("--dry-run", action="store_true", help="print the commands and stop")

    explain = add("explain", "Show the whole chain from a claim to its verdict.")
    explain.add_argument("paper")
    explain.add_argument("claim")
    shown(explain)

    diff = add("diff", "Verdicts and figures of two revisions side by side, worst first.")
    diff.add_argument("old", metavar="rev", help="a git revision")
    diff.add_argument("new", metavar="rev", nargs="?", help="another (default: the workspace)")
    diff.add_argument("--paper", action="append", metavar="ID", help="only this one; repeatable")
    shown(diff)

    errata = add("errata", "Where papers, their code and the measurement disagree.")
    papers(errata)
    shown(errata, scale=False)

    report = add("report", "Write the ledger as a static site.")
    report.add_argument("--to", type=Path, default=Path("report"), metavar="FOLDER")

    papers(add("collect", "Merge run folders into results/."))

    compare = add("compare", "Write a table of rows from several papers.")
    compare.add_argument("name", help="of comparisons/<name>.yaml")
    compare.add_argument("--run", action="store_true", help="run what it lacks")
    compare.add_argument("--time", action="store_true", help="time a step of each model, alone")
    parallel(compare)
    launched(compare)

    papers(add("validate", "Read every claims.yaml and compose every run."))
    add("schema", "Print the JSON Schema of claims.yaml.")
    add("inputs", "Write what a paper's results depend on.").add_argument("paper")

    readme = add("readme", "Rewrite the tables between the markers of READMEs.")
    papers(readme)
    readme.add_argument("--root", action="store_true", help="the README of the repository instead")
    readme.add_argument(
        "--check", action="store_true", help="write nothing; 1 if a generated table is out of date"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
