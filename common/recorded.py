"""What runs recorded, read back from a paper's table of results."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from pathlib import Path

from common.errors import MissingDataError


def recorded(
    results: Path, task: str, command: str, scale: str = "laptop"
) -> dict[tuple[str, int], dict[str, float]]:
    """Metrics of a task's runs, by variant and seed.

    Args:
        results: ``results/<paper>.csv``.
        command: that would record them, for the message.

    Raises:
        MissingDataError: there is no such table, or no run of the task in it.
    """
    found: dict[tuple[str, int], dict[str, float]] = defaultdict(dict)
    if results.is_file():
        with results.open() as table:
            for row in csv.DictReader(table):
                if row["task"] == task and row["scale"] == scale:
                    found[row["variant"], int(row["seed"])][row["metric"]] = float(row["value"])
    if not found:
        raise MissingDataError(f"A run of {task} in {results}", command)
    return dict(found)


def recorded_curves(
    runs: Path, task: str, command: str, scale: str = "laptop"
) -> dict[tuple[str, int], dict[str, list[float]]]:
    """Curves of a task's runs, by variant and seed.

    Args:
        runs: ``results/runs/<paper>.json``.
        command: that would record them, for the message.

    Raises:
        MissingDataError: there is no such file, or no run of the task with curves in it.
    """
    rows = json.loads(runs.read_text())["runs"] if runs.is_file() else []
    found = {
        (row["variant"], row["seed"]): row["curves"]
        for row in rows
        if row["task"] == task and row["scale"] == scale and row["curves"]
    }
    if not found:
        raise MissingDataError(f"A run of {task} in {runs}", command)
    return found
