"""The versions of the data sets that ``data.dvc`` pins, read and written without DVC."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from common.atomic import write_text
from common.errors import UserError

FOLDER = "data"  # DVC's paths are relative to data.dvc, which lies beside it

Entry = dict[str, Any]  # one of DVC's outs


def entries(path: Path) -> dict[str, Entry]:
    """Key of each pinned set -> its entry; nothing where there is no file yet.

    Raises:
        UserError: the file is not what ``python -m common.data pin`` writes.
    """
    try:
        content = yaml.safe_load(path.read_text())
        found = {
            out["path"].removeprefix(f"{FOLDER}/").removesuffix(".npz"): out
            for out in content["outs"]
        }
        unversioned = [key for key, out in found.items() if "content_sha256" not in out["meta"]]
        if unversioned:
            raise KeyError(f"content_sha256 of {', '.join(unversioned)}")
    except FileNotFoundError:
        return {}
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path} is not a list of pinned data sets ({error!r}). Restore it from git, or write "
            "it anew with python -m common.data pin."
        ) from error
    return found


def pins(path: Path) -> dict[str, str]:
    """Key of each pinned set -> SHA-256 of its content.

    Raises:
        UserError: as `entries`.
    """
    return {key: entry["meta"]["content_sha256"] for key, entry in entries(path).items()}


def write(path: Path, pinned: Mapping[str, Entry]) -> bool:
    """Write the entries in the order of their keys; returns whether anything changed."""
    outs = [pinned[key] for key in sorted(pinned)]
    return write_text(path, yaml.safe_dump({"outs": outs}, sort_keys=False, width=1000))
