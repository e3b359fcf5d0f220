"""What each command of ``python -m common.data`` does; each returns the exit status."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from rich.console import Console

from common.data import catalogue
from common.data.context import DataContext
from common.data.licences import sources_of, table
from common.data.needs import SCALE, Need, commit, needed
from common.data.pinning import differences, entry, file_of
from common.data.pins import entries, write
from common.errors import UserError
from common.ledger.folders import Folders
from common.ledger.readme import fill

OK, LACKING = 0, 1
LICENCES = "licences"


def show(options: argparse.Namespace, folders: Folders) -> int:
    """A line for each set that the claims need."""
    context = _context(options)
    pinned = entries(folders.pins)
    rows = [("key", "set", "MB", "needed by", "state")]
    for need in needed(folders.chosen(options.paper), folders):
        path = file_of(context.root, need.key)
        size = path.stat().st_size if path.exists() else pinned.get(need.key, {}).get("size")
        megabytes = f"{size / 1e6:.1f}" if size else "-"
        name = sources_of(need.spec)[0].name
        rows.append((need.key, name, megabytes, ", ".join(need.papers), _state(need, context)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )
    return OK


def prepare(options: argparse.Namespace, folders: Folders) -> int:
    """Make or fetch what is not there; a set that cannot be had stops no other."""
    context, console = _context(options), Console(highlight=False, soft_wrap=True)
    lacking = 0
    for need in needed(folders.chosen(options.paper), folders):
        before = _state(need, context)
        try:
            data = catalogue.load(need.spec, context)
        except UserError as error:
            lacking += 1
            console.print(f"{need.key}: cannot be had. {error}", markup=False)
            continue
        done = before if before in (_ON_DISK, _IN_MEMORY) else "prepared"
        console.print(f"{need.key}: {done} ({data.source})", markup=False)
    if lacking:
        console.print(f"{lacking} sets are lacking; the others are ready.", markup=False)
    return LACKING if lacking else OK


def verify(options: argparse.Namespace, folders: Folders) -> int:
    """Hash every prepared file that is pinned."""
    console = Console(highlight=False, soft_wrap=True)
    found = differences(options.root, folders.pins)
    for sentence in found:
        console.print(sentence, markup=False)
    if not found:
        console.print(f"{len(entries(folders.pins))} sets are as pinned.", markup=False)
    return LACKING if found else OK


def pin(options: argparse.Namespace, folders: Folders) -> int:
    """Pin what the claims need as it lies here; an absent set keeps its entry."""
    console = Console(highlight=False, soft_wrap=True)
    before, after = entries(folders.pins), {}
    for need in needed(folders.with_claims(), folders):
        if need.has_file and file_of(options.root, need.key).exists():
            after[need.key] = entry(options.root, need.key, need.spec)
        elif need.key in before:
            after[need.key] = before[need.key]
        elif need.has_file:
            console.print(f"{need.key} is not pinned: it is not prepared here.", markup=False)
    for key in sorted(before.keys() - after.keys()):
        console.print(f"{key} is pinned no more: no claim needs it at {SCALE} scale.", markup=False)
    changed = write(folders.pins, after)
    commit(folders.with_claims(), folders)
    console.print(f"{folders.pins}: {'written' if changed else 'unchanged'}.", markup=False)
    return OK


def licences(options: argparse.Namespace, folders: Folders) -> int:
    """Write the table of sources into the README beside this module."""
    fill(Path(__file__).with_name("README.md"), table(), LICENCES)
    return OK


_ON_DISK, _IN_MEMORY = "on disk", "in memory: each run makes it"


def _state(need: Need, context: DataContext) -> str:
    if need.has_file and file_of(context.root, need.key).exists():
        return _ON_DISK
    lacking = catalogue.available(need.spec, context)
    if lacking is None:
        return "at hand, not prepared yet" if need.has_file else _IN_MEMORY
    return lacking


def _context(options: argparse.Namespace) -> DataContext:
    console = Console(stderr=True)
    source = os.environ.get("STRUCTLAB_DATA")
    return DataContext(
        root=options.root,
        local_source=Path(source) if source else None,
        download=not options.offline,
        workers=options.workers,
        progress=console.is_terminal,
    )
