"""One smoke run of each task through the real entry, and the settings that are refused."""

from __future__ import annotations

import pytest

from common.experiment import registry
from common.experiment.cli import main

TASKS = [
    "augmented_scores",
    "combined_scores",
    "flattening",
    "identity_rows",
    "lp_regression",
    "preserved_total",
    "root_leverage",
    "row_accuracy",
    "row_counts",
    "row_scores",
    "sensitivities",
    "sensitivity_forms",
    "structured_matrices",
    "tightness",
]


def test_every_task_is_covered():
    assert set(TASKS) == set(registry.tasks("sensitivity_sampling"))


@pytest.mark.parametrize("task", TASKS)
def test_smoke(task, smoke):
    if task in ("lp_regression", "sensitivities"):
        pytest.importorskip("sklearn")
    status, record = smoke(task)
    assert status == 0, record["reason"]
    assert record["status"] == "completed"
    assert record["metric"] in record["metrics"]


@pytest.mark.parametrize(
    ("task", "override", "said"),
    [
        ("sensitivities", "task.columns=41", "as many columns as rows"),
        ("row_counts", "task.coins=4", "odd"),
        ("row_scores", "task.expected=61", "above 1 to 60"),
    ],
)
def test_settings_are_refused(task, override, said, smoke):
    status, record = smoke(task, override)
    assert status == 2
    assert said in record["reason"]


@pytest.mark.parametrize(
    ("task", "override", "said"),
    [
        ("sensitivities", "task.powers=[0.5]", "1 or more"),
        ("combined_scores", "task.p=2", "above 2"),
    ],
)
def test_settings_out_of_range_are_refused_before_a_run(
    task, override, said, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main(["paper=sensitivity_sampling", f"task={task}", "scale=smoke", override])
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "outputs" / "sensitivity_sampling").exists()
