"""What stood in a revision of this checkout: asked of git, which must be there."""

from __future__ import annotations

import subprocess
from pathlib import Path

from common.errors import UserError


def known(folder: Path, revision: str) -> None:
    """A revision that there is.

    Raises:
        UserError: there is none of this name, or this is no git checkout.
    """
    if git(folder, "rev-parse", "--verify", f"{revision}^{{commit}}") is None:
        raise UserError(
            f"{revision!r} is no revision of a git checkout at {folder}; give a commit, branch or "
            "tag."
        )


def text(revision: str, folder: Path, name: str) -> str | None:
    """A file of a folder as it was; None if it was not there."""
    return git(folder, "show", f"{revision}:./{name}")


def git(folder: Path, *arguments: str) -> str | None:
    """What git answers in a folder; None if it refuses."""
    while not folder.is_dir():  # one that only a revision has
        folder = folder.parent
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False
    )
    return done.stdout if done.returncode == 0 else None
