"""The versions of the data sets that ``data.dvc`` pins, read without DVC."""

from __future__ import annotations

from pathlib import Path

import yaml

from common.errors import UserError


def pins(path: Path) -> dict[str, str]:
    """Key of each pinned set -> SHA-256 of its content.

    Raises:
        UserError: the file is not what ``python -m common.data pin`` writes.
    """
    try:
        content = yaml.safe_load(path.read_text())
        return {
            out["path"].removeprefix("data/").removesuffix(".npz"): out["meta"]["content_sha256"]
            for out in content["outs"]
        }
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise UserError(
            f"{path} is not a list of pinned data sets ({error!r}). Restore it from git, or write "
            "it anew with python -m common.data pin."
        ) from error
