"""When are two runs the same experiment? Plain configurations, their hash, their difference."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from common.errors import UserError
from common.experiment.schema import VOLATILE


def plain(config: DictConfig) -> dict[str, Any]:
    """The resolved configuration as plain containers, without the tables it was read from.

    Raises:
        omegaconf.errors.OmegaConfBaseException: a value is missing or has the wrong type.
    """
    content = OmegaConf.to_container(config, resolve=True, throw_on_missing=True, enum_to_str=True)
    content.pop("table", None)
    return content


def flat(content: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested dictionaries as dotted keys."""
    leaves = {}
    for key, value in content.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value:
            leaves.update(flat(value, f"{name}."))
        else:
            leaves[name] = value
    return leaves


def essential(content: dict[str, Any]) -> dict[str, Any]:
    """The flat configuration without the keys that say only where and how."""
    return {
        key: value
        for key, value in flat(content).items()
        if not any(key == v or key.startswith(f"{v}.") for v in VOLATILE)
    }


def config_hash(content: dict[str, Any]) -> str:
    """Twelve hexadecimal digits that name the experiment."""
    text = json.dumps(essential(content), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def refuse_other(folder: Path, different: list[str]) -> None:
    """Raises UserError naming the keys if a run to resume was started with other options."""
    if different:
        raise UserError(
            f"{folder} was run with another configuration; give the same options to resume it:\n  "
            + "\n  ".join(different)
        )


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """One line for each essential key whose value differs."""
    a, b = essential(old), essential(new)
    absent = "(absent)"
    return [
        f"{key}: {a.get(key, absent)} there, {b.get(key, absent)} here"
        for key in sorted(a.keys() | b.keys())
        if a.get(key, absent) != b.get(key, absent)
    ]
