"""``run.py`` and the command ``structlab``: compose, run, record, say what came out."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

OK, FAILED, MISTAKE, INTERRUPTED = 0, 1, 2, 130
FULL_ERROR = "HYDRA_FULL_ERROR"


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point. Exit status 0; 1 a run failed; 2 a mistake of the user's; 130 interrupted."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] != ["sweeps"] and any(a in ("-h", "--help") for a in arguments):
        from common.experiment.help import text

        print(text(), end="")
        sys.exit(OK)
    full = os.environ.get(FULL_ERROR, "0") not in ("", "0")
    with _hydra_raises(), _arguments(arguments):
        sys.exit(_run(arguments, full))


def _run(arguments: list[str], full: bool) -> int:
    from common.errors import UserError
    from common.experiment.interruption import RunInterrupted

    try:
        if arguments[:1] == ["sweeps"]:
            from common.experiment.sweep import commands

            return commands.main(arguments[1:])
        from common.experiment.launch import launch

        return launch(arguments)
    except RunInterrupted as interruption:
        _say(interruption.hint())
        return INTERRUPTED
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED
    except UserError as mistake:
        if full:
            raise
        _say(str(mistake))
        return MISTAKE
    except Exception as error:
        from common.experiment.messages import explain

        message = None if full else explain(error, arguments)
        if message is None:
            raise
        _say(message)
        return MISTAKE


@contextmanager
def _hydra_raises() -> Iterator[None]:
    """Hydra prints errors and exits by itself unless told to raise them."""
    before = os.environ.get(FULL_ERROR)
    os.environ[FULL_ERROR] = "1"
    try:
        yield
    finally:
        del os.environ[FULL_ERROR]
        if before is not None:
            os.environ[FULL_ERROR] = before


@contextmanager
def _arguments(arguments: list[str]) -> Iterator[None]:
    """Hydra reads the command line from ``sys.argv``."""
    before = sys.argv
    sys.argv = [before[0], *arguments]
    try:
        yield
    finally:
        sys.argv = before


def _say(message: str) -> None:
    print(f"run.py: {message}", file=sys.stderr)
