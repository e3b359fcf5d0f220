"""What the claims of a revision ask: their runs and bounds, read as plain data.

A revision may be older than the present schema; what cannot be read as a check is still compared
entry by entry.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from common.errors import UserError
from common.ledger import revisions
from common.ledger.claims import Check
from common.ledger.folders import Folders
from common.ledger.yaml_source import read_text

ABSENT = "-"
_OF_CLAIM = ("kind", "statement", "source", "reported")
_OF_CHECK = ("runs", "relation", "equal")


def papers(folders: Folders, revision: str) -> list[str]:
    """Ids of the papers that had claims in a revision."""
    listed = revisions.git(folders.papers, "ls-tree", "-r", "--name-only", revision, "--", ".")
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
        text = revisions.text(revision, folders.papers, f"{paper}/{path.name}")
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


def parsed(asked: dict[str, Any]) -> Check | None:
    """A check that can be read; None if there is none, or it does not follow the present schema."""
    try:
        return Check.model_validate(asked) if asked else None
    except ValidationError:
        return None


def moved(
    old: dict[str, Any] | None, new: dict[str, Any] | None, scale: str
) -> list[dict[str, str]]:
    """The entries of a claim that differ between its two versions, as text: what the paper is said
    to report, and what bears on the verdict. Of a claim that only one side has, none."""
    if old is None or new is None:
        return []
    before, after = (
        dict(
            leaf
            for content, parts in ((claim, _OF_CLAIM), (check(claim, scale), _OF_CHECK))
            for part in parts
            for leaf in _leaves(content.get(part), part)
        )
        for claim in (old, new)
    )
    return [
        {"entry": name, "old": before.get(name, ABSENT), "new": after.get(name, ABSENT)}
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    ]


def _leaves(content: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(content, dict):
        for key, value in content.items():
            yield from _leaves(value, f"{name}.{key}")
    elif isinstance(content, list) and any(isinstance(item, dict | list) for item in content):
        for number, item in enumerate(content):
            yield from _leaves(item, f"{name}[{number}]")
    elif content is not None:
        yield name, str(content)
