"""What the claims of a revision ask: their runs and bounds, read as plain data.

A revision may be older than the present schema; what cannot be read as a check is still compared
entry by entry.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from common.errors import UserError
from common.ledger.claims import Check
from common.ledger.folders import Folders
from common.ledger.yaml_source import read_text

_DECIDING = ("runs", "relation", "equal")
_ABSENT = "-"


def papers(folders: Folders, revision: str) -> list[str]:
    """Ids of the papers that had claims in a revision."""
    listed = git(folders.papers, "ls-tree", "-r", "--name-only", revision, "--", ".")
    paths = [Path(line) for line in (listed or "").splitlines()]
    return [path.parent.name for path in paths if path.name == "claims.yaml"]


def claims(folders: Folders, revision: str | None, paper: str) -> dict[str, dict[str, Any]]:
    """Claim id -> the claim as it stands in the file; empty if there was none.

    Args:
        revision: None for the workspace.

    Raises:
        UserError: the file is not YAML.
    """
    path = folders.claims(paper)
    if revision is None:
        text = path.read_text() if path.is_file() else None
    else:
        text = git(folders.papers, "show", f"{revision}:./{paper}/{path.name}")
        path = Path(f"{revision}:{path}")
    if text is None:
        return {}
    try:
        return {claim["id"]: claim for claim in read_text(text, path).content["claims"]}
    except (KeyError, TypeError) as error:
        raise UserError(f"{path} is no list of claims: it lacks {error}.") from error


def check(claim: dict[str, Any] | None, scale: str) -> dict[str, Any]:
    """How a claim is tested at a scale; empty if it is not."""
    return ((claim or {}).get("checks") or {}).get(scale) or {}


def metrics(asked: dict[str, Any]) -> list[str]:
    """What a check reads; nothing if it does not follow the present schema."""
    try:
        return Check.model_validate(asked).metrics() if asked else []
    except ValidationError:
        return []


def moved(old: dict[str, Any], new: dict[str, Any]) -> list[dict[str, str]]:
    """The entries of two checks that differ and bear on the verdict, as text."""
    before, after = (
        {name: value for part in _DECIDING for name, value in _leaves(side.get(part), part)}
        for side in (old, new)
    )
    names = dict.fromkeys([*before, *after])
    return [
        {"entry": name, "old": before.get(name, _ABSENT), "new": after.get(name, _ABSENT)}
        for name in names
        if before.get(name) != after.get(name)
    ]


def git(folder: Path, *arguments: str) -> str | None:
    """What git answers in a folder; None if it refuses."""
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False
    )
    return done.stdout if done.returncode == 0 else None


def _leaves(content: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(content, dict):
        for key, value in content.items():
            yield from _leaves(value, f"{name}.{key}")
    elif isinstance(content, list) and any(isinstance(item, dict | list) for item in content):
        for number, item in enumerate(content):
            yield from _leaves(item, f"{name}[{number}]")
    elif content is not None:
        yield name, str(content)
