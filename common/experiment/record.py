"""record.json: what a run was, how it ended, what it measured."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from common.atomic import replacing
from common.errors import UserError

SCHEMA = 1
NAME = "record.json"

COMPLETED = "completed"
FAILED = "failed"
INTERRUPTED = "interrupted"
DIVERGED = "diverged"
NOT_RUN = "not run"
RUNNING = "running"


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
        data: the data sets used: name, source, content hash, whether they are the paper's.
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
        return write_json(folder / NAME, asdict(self))

    @classmethod
    def read(cls, folder: Path) -> Record:
        """The record in a run folder.

        Raises:
            UserError: the folder has none, or it is not readable.
        """
        path = Path(folder) / NAME
        try:
            content = json.loads(path.read_text())
        except FileNotFoundError:
            raise UserError(f"{folder} is not a run folder: it has no {NAME}.") from None
        except json.JSONDecodeError as error:
            raise UserError(
                f"{path} is not valid JSON ({error}); the run must be repeated."
            ) from None
        if content.get("schema") != SCHEMA:
            raise UserError(
                f"{path} has schema {content.get('schema')!r}; this code reads {SCHEMA}."
            )
        return cls(**content)


def finite(metrics: dict[str, float]) -> dict[str, float]:
    """Metrics as plain floats.

    Raises:
        ValueError: one is NaN or infinite; a run that has such a figure has failed.
    """
    plain = {name: float(value) for name, value in metrics.items()}
    bad = [name for name, value in plain.items() if not math.isfinite(value)]
    if bad:
        raise ValueError(f"metrics are not finite: {', '.join(bad)}")
    return plain


def write_json(path: Path, content: Any) -> Path:
    """Write JSON; a reader sees the old file or the whole new one."""
    with replacing(path, "w") as file:
        json.dump(content, file, indent=1, allow_nan=False)
        file.write("\n")
    return path
