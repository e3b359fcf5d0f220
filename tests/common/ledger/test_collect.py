"""Run folders to rows, rows to means; what is merged and what stays out."""

import json

import pytest

from common.errors import UserError
from common.ledger.collect import find, merge, rounded, summary
from common.ledger.rows import RunRow, read_csv, to_csv
from common.ledger.update import update

IMAGE = ("lra/image", "s5_ptd")


def accuracies(rows):
    return {row.key[1:4:2]: row.metrics["accuracy"] for row in rows}


def test_a_row_survives_the_file(tmp_path):
    rows = [
        RunRow(
            "t", "b", "laptop", 10, "h", "c", "no", "yes", 1.5, None, "x", {"x": 1 / 3, "a": 2.0}
        ),
        RunRow("t", "b", "laptop", 9, "h", metrics={"x": 0.1}),
    ]
    path = tmp_path / "p.csv"
    path.write_text(to_csv(rows))
    assert read_csv(path) == sorted(rows, key=lambda r: r.seed)
    assert to_csv(reversed(rows)) == to_csv(rows)


@pytest.mark.parametrize("text", ["a,b\n1,2\n", None])
def test_a_foreign_file_is_refused(tmp_path, text):
    path = tmp_path / "p.csv"
    good = to_csv([RunRow("t", "b", "laptop", 0, "h", metrics={"x": 0.1})])
    path.write_text(text or good.replace("0.1", "much"))
    with pytest.raises(UserError, match=r"p\.csv"):
        read_csv(path)


def test_only_completed_single_runs_are_found(folders, put, make_record):
    put(make_record(*IMAGE, 0, {"accuracy": 1.0}, started="2026-01-02"), "done")
    put(make_record(*IMAGE, 1, {}, status="failed", reason="planted"), "failed")
    put(make_record(*IMAGE, 2, {}, status="interrupted"), "a-cut")
    put(make_record(*IMAGE, 2, {"accuracy": 2.0}, started="2026-01-03"), "b-again")
    put(make_record("lra", "s5_ptd", 0, {"average": 1.0}, facts={"members": {}}), "whole")
    broken = folders.outputs / "s5_ptd" / "broken"
    broken.mkdir()
    (broken / "record.json").write_text("{")
    found = find(folders.outputs, "s5_ptd")
    assert [r.seed for r in found.completed] == [0, 2]
    assert [r.reason for _, r in found.unfinished.values()] == ["planted"]
    assert "broken is left out" in found.unreadable[0]


def test_a_run_replaces_its_row_and_the_newest_wins(make_record, planned):
    committed = [
        RunRow(*IMAGE, "laptop", 0, "old", metrics={"accuracy": 1.0}),
        RunRow(*IMAGE, "laptop", 1, "old", metrics={"accuracy": 2.0}),
    ]
    runs = [make_record(*IMAGE, 0, {"accuracy": value}) for value in (3.0, 4.0)]
    rows = merge(committed, runs, planned.expected)
    assert accuracies(rows) == {("s5_ptd", 0): 4.0, ("s5_ptd", 1): 2.0}


def test_trials_and_smoke_runs_stay_out(make_record, planned):
    current = make_record(*IMAGE, 0, {"accuracy": 1.0})
    trial = make_record(
        *IMAGE, 0, {"accuracy": 99.0}, config_hash="trial", overrides=["optimizer.lr=1"]
    )
    before = make_record(*IMAGE, 0, {"accuracy": 98.0}, config_hash="before")
    smoke = make_record(*IMAGE, 0, {"accuracy": 97.0}, scale="smoke")
    assert accuracies(merge([], [current, trial, before, smoke], planned.expected)) == {
        ("s5_ptd", 0): 1.0
    }
    assert merge([], [trial, smoke], planned.expected) == []


def test_runs_that_no_claim_reads_are_kept_if_they_follow_the_recipe(make_record, planned):
    overrides = ["task=lra/image", "model=s4", "data.root=elsewhere", "trainer.threads=1"]
    other = make_record("lra/image", "s4", 0, {"accuracy": 5.0}, overrides=overrides)
    assert accuracies(merge([], [other], planned.expected)) == {("s4", 0): 5.0}


def test_means_by_task_scale_and_variant():
    rows = [
        RunRow("t", "v", "laptop", s, "h", metrics={"x": x, "seconds_n8": 1.0})
        for s, x in enumerate((1.0, 2.0, 4.0))
    ]
    rows.append(RunRow("t", "v", "paper", 0, "h", metrics={"x": 123456.789}))
    content = summary(rows)
    assert content["t"]["laptop"]["v"] == {"x": {"mean": 2.33333, "std": 1.52753, "n": 3}}
    assert content["t"]["paper"]["v"] == {"x": {"mean": 123457.0, "n": 1}}
    assert rounded(-1.23456789e-7) == -1.23457e-7


def test_updating_writes_rows_means_and_verdicts(folders, put_all):
    put_all()
    ledger = update("s5_ptd", folders)
    content = json.loads(folders.summary("s5_ptd").read_text())
    assert content["lra/image"]["laptop"]["s5"]["accuracy"]["mean"] == 40
    assert content["verdicts"] == {
        "laptop": {"A": "holds", "B": "unresolved"},
        "paper": {"B": "not run"},
    }
    assert len(ledger.rows) == 7
    rows, means = folders.rows("s5_ptd"), folders.summary("s5_ptd")
    before = [rows.read_text(), means.read_text(), rows.stat().st_mtime_ns]
    # A fresh clone has no outputs, and what is unchanged keeps its time stamp.
    folders.outputs.rename(folders.outputs.with_name("gone"))
    update("s5_ptd", folders)
    assert [rows.read_text(), means.read_text(), rows.stat().st_mtime_ns] == before


@pytest.mark.parametrize(
    ("ptd", "verdict"),
    [((50, 51, 52), "holds"), ((40, 41, 42), "unresolved"), ((30, 31, 32), "fails")],
)
def test_verdicts_follow_the_figures(folders, put_all, ptd, verdict):
    put_all(ptd=ptd)
    assert update("s5_ptd", folders).results["laptop"][1].verdict == verdict


def test_a_missing_run_is_named_with_its_last_attempt(folders, put, make_record):
    put(make_record(*IMAGE, 0, {}, status="not run", reason="CIFAR-10 is missing."), "x")
    a, b = update("s5_ptd", folders).results["laptop"]
    assert (a.verdict, a.missing) == ("not run", ("layer_equivalence closed_form, seed 0",))
    assert b.missing[0] == (
        "lra/image s5_ptd, seeds 0, 1, 2 (last attempt not run: CIFAR-10 is missing.)"
    )
    (paper,) = update("s5_ptd", folders).results["paper"]
    assert paper.missing[0] == "needs GPUs"


def test_a_changed_configuration_is_stale(folders, put_all):
    put_all(ptd=(50, 51, 52))
    update("s5_ptd", folders)
    text = folders.rows("s5_ptd").read_text()
    folders.rows("s5_ptd").write_text(text.replace(text.splitlines()[-1].split(",")[4], "f" * 12))
    folders.outputs.rename(folders.outputs.with_name("gone"))
    result = update("s5_ptd", folders).results["laptop"][1]
    assert result.verdict == "stale"
    assert result.finding.measured


def test_a_metric_that_the_run_does_not_record_is_named(folders, put, make_record):
    put(make_record("layer_equivalence", "closed_form", 0, {"other": 1.0}), "e")
    result = update("s5_ptd", folders).results["laptop"][0]
    assert result.verdict == "not run"
    assert result.missing == ("layer_equivalence closed_form seed 0 records no scan_error",)
