"""What several commands ask of their arguments."""

from __future__ import annotations

from common.errors import UserError
from common.ledger.runs import SCALES


def known_scale(scale: str) -> None:
    """A scale at which claims are judged.

    Raises:
        UserError: it is not; says which there are.
    """
    if scale not in SCALES:
        raise UserError(f"Unknown scale {scale!r}; allowed: {', '.join(SCALES)}.")


def at_work(jobs: int, threads: int) -> None:
    """At least one run at a time, on at least one thread.

    Raises:
        UserError: there would be none.
    """
    if jobs < 1 or threads < 1:
        raise UserError(f"--jobs {jobs} and --threads {threads} start at 1.")
