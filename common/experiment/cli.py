"""``run.py`` and the command ``structlab``: compose, run, record, say what came out."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

OK, FAILED, MISTAKE, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point. Exit status 0; 1 a run failed; 2 a mistake of the user's; 130 interrupted."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if any(a in ("-h", "--help") for a in arguments):
        from common.experiment.help import text

        print(text(), end="")
        sys.exit(OK)
    sys.argv[1:] = arguments
    from common.errors import UserError
    from common.experiment.interruption import RunInterrupted
    from common.experiment.launch import launch

    full = os.environ.get("HYDRA_FULL_ERROR", "0") not in ("", "0")
    # Hydra prints errors and exits by itself unless told to raise them.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        sys.exit(launch(arguments))
    except RunInterrupted as interruption:
        _say(str(interruption))
        sys.exit(INTERRUPTED)
    except KeyboardInterrupt:
        _say("interrupted")
        sys.exit(INTERRUPTED)
    except UserError as mistake:
        if full:
            raise
        _say(str(mistake))
        sys.exit(MISTAKE)
    except Exception as error:
        from common.experiment.messages import explain

        message = None if full else explain(error, arguments)
        if message is None:
            raise
        _say(message)
        sys.exit(MISTAKE)


def _say(message: str) -> None:
    print(f"run.py: {message}", file=sys.stderr)
