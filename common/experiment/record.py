"""record.json: what a run was, how it ended, what it measured.

The file carries the SHA-256 of what else stands in it, so that a figure changed by hand is told
from one that was measured.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from common.atomic import replacing
from common.errors import UserError

SCHEMA = 3
NAME = "record.json"
DIGEST = "sha256"

COMPLETED = "completed"
FAILED = "failed"
INTERRUPTED = "interrupted"
DIVERGED = "diverged"
NOT_RUN = "not run"
RUNNING = "running"
STATUSES = (COMPLETED, FAILED, INTERRUPTED, DIVERGED, NOT_RUN, RUNNING)


@dataclass
class Record:
    """One run. ``metrics`` are finite floats; what could not be measured is absent, never NaN.

    Attributes:
        status: ``running`` until the run ends, then ``completed``, ``failed``, ``interrupted``,
            ``diverged`` or ``not run`` (something it needs is missing).
        reason: one line for every status but ``completed``.
        traceback: of a failed run.
        published: the paper's figure for the task's metric, where it has one.
        facts: name -> anything the task wants kept beside its metrics (JSON).
        curves: name -> a value each epoch, in order.
        data: the data sets used: key, name, source, content hash, whether they are the paper's.
        code: module of this repository -> digest of its source, for those the task ran through.
    """

    paper: str
    task: str
    variant: str
    scale: str
    seed: int
    status: str = RUNNING
    reason: str | None = None
    traceback: str | None = None
    metric: str = "accuracy"
    metrics: dict[str, float] = field(default_factory=dict)
    published: float | None = None
    chance: float | None = None
    data: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    curves: dict[str, list[float]] = field(default_factory=dict)
    code: dict[str, str] = field(default_factory=dict)
    config_hash: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    overrides: list[str] = field(default_factory=list)
    provenance: dict[str, Any] = field(default_factory=dict)
    started: str = ""
    wall_seconds: float = 0.0
    peak_memory_bytes: int = 0
    schema: int = SCHEMA

    def write(self, folder: Path) -> Path:
        """Write ``record.json`` atomically; a reader sees the old one or the new one."""
        content = json.loads(json.dumps(asdict(self)))  # as it will be read: keys are strings
        return write_json(folder / NAME, content | {DIGEST: _digest(content)})

    @classmethod
    def read(cls, folder: Path) -> Record:
        """The record in a run folder.

        Raises:
            UserError: the folder has none, or it is not readable, or not what the run wrote.
        """
        path = Path(folder) / NAME
        try:
            content = json.loads(path.read_text())
        except FileNotFoundError:
            raise UserError(f"{folder} is not a run folder: it has no {NAME}.") from None
        except ValueError as error:  # JSONDecodeError, UnicodeDecodeError
            raise UserError(
                f"{path} is not valid JSON ({error}); the run must be repeated."
            ) from None
        if not isinstance(content, dict) or content.get("schema") != SCHEMA:
            found = content.get("schema") if isinstance(content, dict) else content
            raise UserError(f"{path} has schema {found!r}; this code reads {SCHEMA}.")
        promised = content.pop(DIGEST, None)
        _check_fields(content, path)
        if promised != _digest(content):
            raise UserError(
                f"{path} is not what the run wrote: its {DIGEST} is {promised!r}, that of its "
                f"content {_digest(content)!r}. Undo the change, or repeat the run."
            )
        return cls(**content)


def _digest(content: dict[str, Any]) -> str:
    """SHA-256 of a record as JSON with sorted keys."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _check_fields(content: dict[str, Any], path: Path) -> None:
    """Every field is there, none is unknown, each has its type."""
    known = _fields()
    wrong = [f"{name} is missing" for name in known if name not in content]
    wrong += [f"{name} is unknown" for name in content if name not in known]
    for name, kind in known.items():
        if name in content and not _is(content[name], kind):
            wrong.append(
                f"{name} is {content[name]!r}, not of type {getattr(kind, '__name__', kind)}"
            )
        wrong += [f"{place} is not finite" for place in _not_finite(content.get(name), name)]
    if not wrong:
        wrong += _not_possible(content)
    if wrong:
        raise UserError(f"{path} is not a whole record: {'; '.join(wrong)}.")


def _not_possible(content: dict[str, Any]) -> Iterator[str]:
    """Values of the right type that no run has."""
    if content["status"] not in STATUSES:
        yield f"status is {content['status']!r}, none of {', '.join(STATUSES)}"
    if content["seed"] < 0:
        yield f"seed is {content['seed']}, below 0"
    for number, one in enumerate(content["data"]):
        if not isinstance(one.get("is_paper_data", False), bool):
            yield f"data[{number}].is_paper_data is {one['is_paper_data']!r}, not true or false"


def _not_finite(value: Any, place: str) -> Iterator[str]:
    """Where in JSON there are NaN or infinite numbers, which ``json`` reads and writes."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _not_finite(inner, f"{place}.{key}")
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _not_finite(inner, f"{place}[{number}]")
    elif isinstance(value, float) and not math.isfinite(value):
        yield place


@cache
def _fields() -> dict[str, Any]:
    return get_type_hints(Record)


def _is(value: Any, kind: Any) -> bool:
    """Whether ``value``, read from JSON, has the annotated type."""
    if kind is Any:
        return True
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    origin, inner = _parts(kind)
    if origin is dict:
        whole = isinstance(value, dict)
        return whole and (inner[1] is Any or all(_is(v, inner[1]) for v in value.values()))
    if origin is list:
        whole = isinstance(value, list)
        return whole and (inner[0] is Any or all(_is(v, inner[0]) for v in value))
    if origin is UnionType:
        return any(_is(value, k) for k in inner)
    return isinstance(value, kind)


@cache
def _parts(kind: Any) -> tuple[Any, tuple[Any, ...]]:
    return get_origin(kind), get_args(kind)


def floats(metrics: Mapping[str, float]) -> dict[str, float]:
    """Metrics as plain floats."""
    return {name: float(value) for name, value in metrics.items()}


def refuse_not_finite(**parts: Any) -> None:
    """What a run gives back can be recorded.

    Raises:
        ValueError: a number in it is NaN or infinite, by name; such a run has failed.
    """
    bad = [place for name, part in parts.items() for place in _not_finite(part, name)]
    if bad:
        raise ValueError(f"not finite: {', '.join(bad)}")


def write_json(path: Path, content: Any) -> Path:
    """Write JSON; a reader sees the old file or the whole new one."""
    with replacing(path, "w") as file:
        json.dump(content, file, indent=1, allow_nan=False)
        file.write("\n")
    return path
