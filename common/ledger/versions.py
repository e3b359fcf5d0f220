"""Runs that may be averaged: of one variant, and of one version of its code."""

from __future__ import annotations

from collections.abc import Iterable

from common.ledger.runs import RunRow

Variant = tuple[str, str, str]  # task, variant, scale


def by_variant(rows: Iterable[RunRow]) -> dict[Variant, list[RunRow]]:
    """The runs of each variant that ran the same code as its newest; the others are another
    version's, and a mean over both would be of neither.

    Whether this is the present code is not asked here: what is made of the runs must not change
    unless they do.
    """
    groups: dict[Variant, list[RunRow]] = {}
    for row in rows:
        groups.setdefault((row.task, row.variant, row.scale), []).append(row)
    return {variant: _of_newest(of_variant) for variant, of_variant in sorted(groups.items())}


def _of_newest(rows: list[RunRow]) -> list[RunRow]:
    newest = max(rows, key=lambda row: (row.started, row.seed))
    # Runs share their digests where they were read together; most comparisons are of one object.
    return [row for row in rows if row.code is newest.code or _agree(row.code, newest.code)]


def _agree(a: dict[str, str], b: dict[str, str]) -> bool:
    """Whether all modules that both went through are the same; a run that does not say which code
    it ran agrees with such runs only."""
    return bool(a) == bool(b) and all(a[module] == b[module] for module in a.keys() & b.keys())
