"""``python -m common.data``: the data sets of the papers' laptop runs, and their versions.

Files already at hand are looked for in the folder that the environment variable STRUCTLAB_DATA
names. Exit status: 0 done; 1 a set cannot be had or is not as pinned; 2 a mistake of the user's;
130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from common.errors import UserError

if TYPE_CHECKING:
    from common.ledger.folders import Folders

MISTAKE, INTERRUPTED = 2, 130


def main(argv: Sequence[str] | None = None, folders: Folders | None = None) -> int:
    """Entry point; returns the exit status."""
    options = _parser().parse_args(argv)
    try:
        # What a command needs is imported when it is called: --help answers at once.
        from common.ledger.folders import Folders

        commands = import_module("common.data.commands")
        action: Callable[..., int] = getattr(commands, options.action)
        return action(options, folders or Folders.default())
    except UserError as mistake:
        print(f"data: {mistake}", file=sys.stderr)
        return MISTAKE
    except KeyboardInterrupt:
        print("data: interrupted; the same command goes on from here", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m common.data", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")

    def add(name: str, text: str, action: str = "") -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(action=action or name)
        command.add_argument(
            "--root",
            type=Path,
            default=Path("data"),
            metavar="FOLDER",
            help="of prepared sets (default: data)",
        )
        return command

    def fetches(command: argparse.ArgumentParser) -> None:
        command.add_argument("paper", nargs="*", help="default: all")
        command.add_argument("--offline", action="store_true", help="fetch nothing")
        command.add_argument(
            "--workers", type=int, default=1, help="processes that generate a set (default: 1)"
        )

    fetches(
        add("list", "Name each set, its size, and whether it is here or what is lacking.", "show")
    )
    fetches(add("prepare", "Make or fetch each set once; goes on when one cannot be had."))
    add("verify", "Hash each prepared file and compare with data.dvc; names what differs.")
    add("pin", "Write data.dvc from the prepared files; a set absent here keeps its entry.")
    add("licences", "Write the table of sources and licences in common/data/README.md.")
    return parser


if __name__ == "__main__":
    sys.exit(main())
