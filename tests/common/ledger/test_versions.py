"""A mean is over one version of the code."""

from __future__ import annotations

from dataclasses import replace

from common.ledger.pages import task_table
from common.ledger.runs import RunRow
from common.ledger.summary import curves_csv, summary
from common.ledger.versions import by_variant

OLD, NEW = {"a": "1", "b": "1"}, {"a": "2", "b": "1"}


def row(seed, code, started, **changes):
    metrics, curves = {"accuracy": 10.0 * seed}, {"val_score": [float(seed)]}
    return RunRow(
        "t", "v", "laptop", seed, "h", metrics=metrics, code=code, curves=curves, started=started,
        **changes,
    )  # fmt: skip


ROWS = [row(1, OLD, "2026-01"), row(2, NEW, "2026-03"), row(3, dict(NEW), "2026-02")]


def seeds(rows):
    (found,) = by_variant(rows).values()
    return sorted(r.seed for r in found)


def test_the_version_is_that_of_the_newest_run():
    assert seeds(ROWS) == [2, 3]
    assert seeds([*ROWS, row(4, OLD, "2026-04")]) == [1, 4]


def test_runs_agree_in_the_modules_that_both_name():
    later = row(4, NEW | {"c": "1"}, "2026-04")
    assert seeds([*ROWS, later]) == [2, 3, 4]


def test_a_run_that_does_not_say_which_code_it_ran_agrees_with_such_only():
    silent = [row(5, {}, "2025-01"), row(6, {}, "2025-02")]
    assert seeds([*ROWS, *silent]) == [2, 3]
    assert seeds(silent) == [5, 6]


def test_variants_and_scales_are_apart():
    others = [replace(ROWS[0], variant="w"), replace(ROWS[0], scale="paper")]
    found = by_variant([*ROWS, *others])
    assert list(found) == [("t", "v", "laptop"), ("t", "v", "paper"), ("t", "w", "laptop")]


def test_tables_are_made_of_one_version():
    assert summary(ROWS)["t"]["laptop"]["v"]["accuracy"] == {"mean": 25.0, "n": 2, "std": 7.07107}
    assert curves_csv(ROWS).splitlines()[1] == "t,v,1,2.5,"
    assert "| t | v | 25 ± 64 (2) |" in task_table(ROWS).replace("accuracy ", "")
