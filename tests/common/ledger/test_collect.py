"""Run folders to rows, rows to means; what is merged and what stays out."""

import json
import shutil

import pytest
import yaml

from common.errors import UserError
from common.experiment.record import Record
from common.ledger.collect import find, merge
from common.ledger.evaluate import _unequal_budgets
from common.ledger.freshness import Present
from common.ledger.plan import Plan
from common.ledger.relation_form import Form
from common.ledger.runs import RunRow, read_runs, to_json
from common.ledger.summary import rounded, summary
from common.ledger.update import look, update
from tests.common.ledger.conftest import CODE

IMAGE = ("lra/image", "s5_ptd")


def accuracies(rows):
    return {row.key[1:4:2]: row.metrics["accuracy"] for row in rows}


ROWS = [
    RunRow(
        "t", "b", "laptop", 10, "h", "c", "no", "yes", 1.5, None, "x", {"x": 1 / 3, "a": 2.0},
        {"common.errors": "1"}, {"set/1": "2"}, {"val_score": [1.0]}, "2026", 3.5, 2, "a machine",
    ),
    RunRow("t", "b", "laptop", 9, "h", metrics={"x": 0.1}),
]  # fmt: skip


def test_a_row_survives_the_file(tmp_path):
    path = tmp_path / "p.json"
    path.write_text(to_json(ROWS))
    stored = read_runs(path)
    assert list(stored.rows) == sorted(ROWS, key=lambda r: r.seed)
    assert stored.altered == {}
    assert to_json(reversed(ROWS)) == to_json(ROWS)


@pytest.mark.parametrize(
    "text", ["a,b\n1,2\n", "[]", "{}", '{"schema": 99}', to_json(ROWS).replace("0.1", "NaN")]
)
def test_a_foreign_file_is_refused(tmp_path, text):
    path = tmp_path / "p.json"
    path.write_text(text)
    with pytest.raises(UserError, match=r"p\.json"):
        read_runs(path)


@pytest.mark.parametrize(("old", "new"), [("0.1", "0.2"), ('"h"', '"g"'), ('"c"', '"d"')])
def test_a_line_changed_by_hand_is_told_from_its_hash(tmp_path, old, new):
    path = tmp_path / "p.json"
    text = to_json(ROWS)
    assert old in text
    path.write_text(text.replace(old, new))
    stored = read_runs(path)
    assert len(stored.rows) < 2
    assert "t b laptop" in next(iter(stored.altered.values()))


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
    assert [a.row.seed for a in found.completed] == [0, 2]
    assert [a.reason for a in found.unfinished.values()] == ["planted"]
    assert found.unreadable[0].startswith(f"left out: {broken}/record.json")


def test_a_run_replaces_its_row_and_the_newest_wins(make_record, planned, as_attempt):
    committed = [
        RunRow(*IMAGE, "laptop", 0, "old", metrics={"accuracy": 1.0}, code=CODE),
        RunRow(*IMAGE, "laptop", 1, "old", metrics={"accuracy": 2.0}, code=CODE),
    ]
    runs = [
        make_record(*IMAGE, 0, {"accuracy": value}, started=f"2026-01-0{value:.0f}")
        for value in (3.0, 4.0)
    ]
    rows = merge(committed, as_attempt(*runs), planned.expected, Present())
    assert accuracies(rows) == {("s5_ptd", 0): 4.0, ("s5_ptd", 1): 2.0}


def test_trials_and_smoke_runs_stay_out(make_record, planned, as_attempt):
    current = make_record(*IMAGE, 0, {"accuracy": 1.0})
    trial = make_record(
        *IMAGE, 0, {"accuracy": 99.0}, config_hash="trial", overrides=["optimizer.lr=1"]
    )
    before = make_record(*IMAGE, 0, {"accuracy": 98.0}, config_hash="before")
    smoke = make_record(*IMAGE, 0, {"accuracy": 97.0}, scale="smoke")
    attempts = as_attempt(current, trial, before, smoke)
    assert accuracies(merge([], attempts, planned.expected, Present())) == {("s5_ptd", 0): 1.0}
    assert merge([], [attempts[1], attempts[3]], planned.expected, Present()) == []


def test_a_run_of_other_code_takes_no_place(make_record, planned, as_attempt):
    """Two commits' results never mix: the newest run, of a branch say, does not count here."""
    here = make_record(*IMAGE, 0, {"accuracy": 1.0}, started="2026-01-01")
    branch = make_record(
        *IMAGE, 0, {"accuracy": 2.0}, started="2026-02-02", code={"common.errors": "e" * 12}
    )
    attempts = as_attempt(here, branch)
    assert accuracies(merge([], attempts, planned.expected, Present())) == {("s5_ptd", 0): 1.0}
    there = Present(digest=lambda module: "e" * 12)
    assert accuracies(merge([], attempts, planned.expected, there)) == {("s5_ptd", 0): 2.0}


def test_a_line_that_stands_twice_counts_once_and_is_mended(folders, put_all):
    """As a merge in git leaves it that kept both sides."""
    put_all()
    update("s5_ptd", folders)
    runs = folders.runs("s5_ptd")
    before = runs.read_text()
    line = next(line for line in before.splitlines() if '"seed":1' in line)  # not the last
    runs.write_text(before.replace(line, f"{line}\n{line}", 1))
    ledger = update("s5_ptd", folders)
    assert ledger.unwritten == ""
    assert runs.read_text() == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("metrics", {"accuracy": 99.0}), "bad/record.json is not what the run wrote"),
        (("metrics", {"accuracy": float("inf")}), "metrics.accuracy is not finite"),
        (("curves", {"loss": [1.0, float("nan")]}), "curves.loss[1] is not finite"),
    ],
)
def test_a_bad_record_is_named_and_the_others_count(folders, put, make_record, change, said):
    put(make_record(*IMAGE, 0, {"accuracy": 1.0}), "good")
    folder = put(make_record(*IMAGE, 1, {"accuracy": 1.0}), "bad")
    content = json.loads((folder / "record.json").read_text())
    content[change[0]] = change[1]
    (folder / "record.json").write_text(json.dumps(content))
    found = find(folders.outputs, "s5_ptd")
    assert [a.row.seed for a in found.completed] == [0]
    assert said in found.unreadable[0]


def test_data_without_a_hash_are_named(folders, put, make_record):
    put(make_record(*IMAGE, 0, {"accuracy": 1.0}, data=[{"key": "a"}]), "bare")
    assert "lacks" in find(folders.outputs, "s5_ptd").unreadable[0]


def test_duplicates_count_once(make_record, planned, as_attempt):
    one = make_record(*IMAGE, 0, {"accuracy": 1.0})
    attempts = as_attempt(one, one, one)
    rows = merge([attempts[0].row], attempts, planned.expected, Present())
    assert accuracies(rows) == {("s5_ptd", 0): 1.0}


def test_runs_that_no_claim_reads_are_kept_if_they_follow_the_recipe(
    make_record, planned, as_attempt
):
    overrides = ["task=lra/image", "model=s4", "data.root=elsewhere", "trainer.threads=1"]
    other = make_record("lra/image", "s4", 0, {"accuracy": 5.0}, overrides=overrides)
    rows = merge([], as_attempt(other), planned.expected, Present())
    assert accuracies(rows) == {("s4", 0): 5.0}


def test_runs_that_a_comparison_calls_for_are_kept_whatever_they_change(
    folders, put, put_all, make_record
):
    put_all()
    overrides = ["task=lra/image", "task.method=own", "trainer.lr=0.5"]
    other = make_record("lra/image", "own", 0, {"accuracy": 5.0}, overrides=overrides)
    put(other, "own")
    key = (other.task, other.variant, other.scale, other.seed)

    def kept(**more):
        return {row.variant for row in update("s5_ptd", folders, **more).rows}

    assert "own" not in kept()
    assert "own" not in kept(also={key: "f" * 12})
    assert "own" in kept(also={key: other.config_hash})
    assert "own" in kept(), "what stands in the results stays"


def test_only_new_records_are_opened_again(folders, put_all, put, make_record, monkeypatch):
    put_all()
    first = find(folders.outputs, "s5_ptd")
    opened = []
    real = Record.read
    monkeypatch.setattr(Record, "read", lambda folder: opened.append(folder) or real(folder))
    again = find(folders.outputs, "s5_ptd")
    assert opened == []
    assert again == first
    added = put(make_record("lra/image", "s4", 0, {"accuracy": 5.0}), "new")
    assert len(find(folders.outputs, "s5_ptd").completed) == 8
    assert opened == [added]
    # A damaged index costs time, nothing else.
    (folders.outputs / ".ledger" / "s5_ptd.json").write_text("{")
    assert len(find(folders.outputs, "s5_ptd").completed) == 8


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
    rows, means = folders.runs("s5_ptd"), folders.summary("s5_ptd")
    before = [rows.read_text(), means.read_text(), rows.stat().st_mtime_ns]
    assert folders.curves("s5_ptd").read_text().splitlines()[:2] == [
        "task,variant,epoch,val_score,train_loss",
        "lra/image,s5,1,38.0,2.0",
    ]
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


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"config_hash": "f" * 12}, "configuration"),
        ({"code": {"common.errors": "e" * 12}}, "code common.errors"),
        ({"code": {"common.gone": "e" * 12}}, "code common.gone"),
        ({"code": {}}, "the run does not say which it ran"),
    ],
)
def test_what_has_changed_since_is_stale(folders, put_all, put, make_record, changes, word):
    put_all()
    scan = {"scan_error": 2e-15}
    late = make_record("layer_equivalence", "closed_form", 0, scan, started="2027", **changes)
    for folder in (folders.outputs / "s5_ptd" / "layer_equivalence").iterdir():
        (folder / "record.json").unlink()
    put(late, "late")
    result = update("s5_ptd", folders).results["laptop"][0]
    assert result.verdict == "stale"
    assert word in result.changed[0]
    assert result.finding.measured


def test_changed_data_are_stale(folders, put_all):
    put_all(ptd=(50, 51, 52))
    rows = update("s5_ptd", folders).rows
    row = next(row for row in rows if row.data)
    assert Present().changes(row, None) == []
    assert Present(data={"cifar10/0123": "d" * 64}).changes(row, None) == []
    assert Present(data={"cifar10/0123": "c" * 64}).changes(row, None) == ["data cifar10/0123"]


def test_evidence_is_told(folders, put_all):
    put_all(ptd=(50, 51, 52))
    found = update("s5_ptd", folders).results["laptop"][1].evidence
    assert found.commits == ("a" * 12,)
    assert (found.paper_data, found.seconds) == ("no", 180.0)
    assert found.hardware == ("a processor, 1 thread",)


def test_unequal_budgets_decide_nothing(folders, put_all, put, make_record):
    put_all(ptd=(50, 51, 52))
    longer = {"accuracy": 50.0, "baseline_majority": 11.0, "steps": 400.0}
    put(make_record("lra/image", "s5_ptd", 0, longer, started="2027"), "longer")
    result = update("s5_ptd", folders).results["laptop"][1]
    assert result.verdict == "unresolved"
    assert result.missing == (
        "steps are said to be equal in lra/image, but are: s5_ptd 200, s5 100",
    )


@pytest.mark.parametrize(
    ("quantity", "ours", "theirs", "equal"),
    [
        ("seconds", 100.0, 109.0, True),
        ("seconds", 100.0, 111.0, False),
        ("parameters", 1000.0, 1019.0, True),
        ("parameters", 1000.0, 1021.0, False),
        ("steps", 1021.0, 1000.0, False),
    ],
)
def test_how_far_equal_budgets_may_differ(planned, quantity, ours, theirs, equal):
    check = planned.claims[1].checks["laptop"].model_copy(update={"equal": [quantity]})
    given = {"s5_ptd": ours, "s5": theirs}
    rows = [
        RunRow("lra/image", v, "laptop", 0, "h", metrics={quantity: x}, seconds=x)
        for v, x in given.items()
    ]
    assert (_unequal_budgets(check, rows) == {}) == equal


@pytest.mark.parametrize(
    ("relation", "verdict"),
    [
        # each variant against a threshold of its own: unequal budgets leave the whole undecided ...
        ("{all: [{metric: lra/image/s5_ptd/accuracy, at_least: 30}, "
         "{metric: lra/image/s5/accuracy, at_least: 30}]}", "unresolved"),
        # ... but what fails whatever the budgets are fails
        ("{all: [{metric: lra/image/s5_ptd/accuracy, at_least: 90}, "
         "{difference: [lra/image/s5_ptd/accuracy, lra/image/s5/accuracy], above: 0}]}", "fails"),
        ("{difference: [lra/image/s5_ptd/accuracy, lra/image/s5/accuracy], above: 100}",
         "unresolved"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("steps", [400.0, None])
def test_what_unequal_budgets_decide(
    folders, planned, put_all, put, make_record, relation, verdict, steps
):
    put_all()
    other = {"accuracy": 50.0, "baseline_majority": 11.0} | ({"steps": steps} if steps else {})
    put(make_record("lra/image", "s5_ptd", 0, other, started="2027"), "other")
    claim = planned.claims[1]
    check = claim.checks["laptop"].model_copy(
        update={"relation": Form.adapter.validate_python(yaml.safe_load(relation))}
    )
    vars(check).pop("rule", None)
    changed = claim.model_copy(update={"checks": {"laptop": check}})
    runs = {("B", "laptop"): planned.runs["B", "laptop"]}
    result = look("s5_ptd", folders, Plan("s5_ptd", "", (changed,), runs)).results["laptop"][0]
    assert result.verdict == verdict
    assert "steps are said to be equal in lra/image, but" in result.missing[0]


def test_stale_is_said_though_something_else_is_not_run(folders, put, make_record):
    metrics = {"accuracy": 40.0, "baseline_majority": 11.0, "steps": 100.0}
    put(make_record(*IMAGE, 0, metrics, code={"common.errors": "e" * 12}), "old")
    result = look("s5_ptd", folders).results["laptop"][1]
    assert result.verdict == "stale"
    assert "seeds 1, 2" in result.missing[0]


def test_a_figure_changed_by_hand_is_found_and_put_right(folders, put_all):
    put_all()
    update("s5_ptd", folders)
    means, figures = folders.summary("s5_ptd"), folders.figures("s5_ptd")
    curves = folders.curves("s5_ptd")
    before = means.read_text(), figures.read_text(), curves.read_text()
    curves.write_text(before[2].replace("38.0", "48.0"))
    means.write_text(before[0].replace("40.0", "44.0"))
    figures.write_text(before[1].replace("39", "49"))
    altered = update("s5_ptd", folders).altered
    assert "line 3 is" in altered[0]
    assert "curves/s5_ptd.csv: line 2 is" in altered[1]
    assert "is 44.0, its runs give 40.0" in altered[2]
    assert (means.read_text(), figures.read_text(), curves.read_text()) == before
    assert update("s5_ptd", folders).altered == ()


def test_a_run_changed_by_hand_does_not_count_nor_get_lost(folders, put_all, put, make_record):
    put_all()
    update("s5_ptd", folders)
    runs = folders.runs("s5_ptd")
    before = runs.read_text()
    changed = before.replace('"accuracy":39', '"accuracy":59')
    runs.write_text(changed)
    folders.outputs.rename(folders.outputs.with_name("away"))
    ledger = update("s5_ptd", folders)
    assert "lra/image s5 laptop 0 is not what was recorded" in ledger.altered[0]
    assert ledger.results["laptop"][1].verdict == "not run"
    assert runs.read_text() == changed
    # Nor does it when something new is collected: the file stays, and that is said.
    put(make_record("lra/image", "s4", 0, {"accuracy": 5.0}), "new")
    ledger = update("s5_ptd", folders)
    assert "would lose 1 runs" in ledger.unwritten
    assert runs.read_text() == changed
    shutil.rmtree(folders.outputs)
    # Its record puts it right.
    folders.outputs.with_name("away").rename(folders.outputs)
    update("s5_ptd", folders)
    assert runs.read_text() == before


def test_a_metric_that_the_run_does_not_record_is_named(folders, put, make_record):
    put(make_record("layer_equivalence", "closed_form", 0, {"other": 1.0}), "e")
    result = update("s5_ptd", folders).results["laptop"][0]
    assert result.verdict == "not run"
    assert result.missing == ("layer_equivalence closed_form seed 0 records no scan_error",)
