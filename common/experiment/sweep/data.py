"""Data of a sweep: made or fetched once, not by every job."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from common.data import catalogue, specs
from common.data.context import DataContext
from common.data.naming import IN_MEMORY, key_of
from common.data.prepared import prepared_path
from common.errors import UserError
from common.experiment.sweep.job import Job
from common.experiment.sweep.store import Sweep

_ON_DISK, _TO_MAKE = "on disk", "to be made"


def needed(jobs: Iterable[Job]) -> list[Any]:
    """The sets that jobs read, each once; those that a run makes in memory are left out."""
    found: dict[str, Any] = {}
    for spec in (spec for job in jobs for spec in job.datasets):
        if not isinstance(spec, IN_MEMORY):
            found.setdefault(repr(spec), spec)
    return list(found.values())


def lacking(sets: Iterable[Any], context: DataContext) -> list[tuple[Any, str]]:
    """The sets that are not prepared, and what has to be done for each."""
    found = []
    for spec in sets:
        key = key_of(spec)
        if key is None or not prepared_path(context, *key.split("/", 1)).exists():
            found.append((spec, catalogue.available(spec, context) or _TO_MAKE))
    return found


def dump(sets: Iterable[Any]) -> list[list[Any]]:
    """As plain containers, each with its class and its fields."""
    return [[type(spec).__name__, asdict(spec)] for spec in sets]


def prepare(sweep: Sweep, console: Console) -> None:
    """Make or fetch every set of a sweep; one that cannot be had stops no other."""
    context = context_of(sweep.data_options)
    for name, fields in sweep.data:
        spec = getattr(specs, name)(**fields)
        try:
            data = catalogue.load(spec, context)
        except UserError as error:
            console.print(f"{name}: cannot be had. {error}", markup=False, highlight=False)
        else:
            console.print(f"{data.key}: ready ({data.source})", markup=False, highlight=False)


def context_of(options: dict[str, Any]) -> DataContext:
    """The context that the ``data`` section of a configuration describes."""
    from common.experiment.machine import cpus

    source: Sequence[str] | None = options["local_source"]
    return DataContext(
        root=Path(options["root"]),
        local_source=Path(source) if source else None,
        download=options["download"],
        workers=options["workers"] or cpus(),
        progress=False,
    )
