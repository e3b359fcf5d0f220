"""One smoke run of each task through the real entry, and the settings that are refused."""

from __future__ import annotations

import pytest

from common.experiment import registry
from tests.running import ROOT

TASKS = [
    "distance_floor",
    "euclidean_sums",
    "kernel_noise",
    "low_dimensions",
    "privacy_audit",
    "smooth_kernels",
    "squared_sums",
    "tree_against_grid",
    "tree_bias",
    "tree_noise",
]
WITH_DATA = ["gloss_cost", "kernel_cost", "kernel_projection", "private_classes", "real_columns"]


def test_every_task_is_covered():
    assert {*TASKS, *WITH_DATA} == set(registry.tasks("private_similarity"))


@pytest.mark.parametrize("task", TASKS)
def test_smoke(task, smoke):
    status, record = smoke(task)
    assert status == 0, record["reason"]
    assert record["status"] == "completed"
    assert record["metric"] in record["metrics"]


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("task", WITH_DATA)
def test_smoke_with_data(task, smoke):
    if task == "private_classes":
        pytest.importorskip("opacus")
    status, record = smoke(task, f"data.root={ROOT / 'data'}")
    assert status == 0, record["reason"]
    assert record["metric"] in record["metrics"]


@pytest.mark.parametrize(
    ("task", "override", "said"),
    [
        ("privacy_audit", "task.epsilons=[0.0]", "allowed: above 0"),
        ("tree_bias", "task.alphas=[0.0]", "allowed: above 0"),
        ("distance_floor", "task.epsilons=[2.0]", "1 or less"),
        ("tree_noise", "task.arities=[1]", "2 or more"),
    ],
)
def test_settings_are_refused(task, override, said, capsys, tmp_path, monkeypatch):
    """Before a run has a folder."""
    from common.experiment.cli import main

    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main(["paper=private_similarity", f"task={task}", "scale=smoke", override])
    assert stopped.value.code == 2
    assert said in " ".join(capsys.readouterr().err.split())


@pytest.mark.slow
@pytest.mark.data
def test_steps_for_each_sampling(smoke):
    status, record = smoke("private_classes", "task.steps=[3]", f"data.root={ROOT / 'data'}")
    assert status == 2
    assert "wanted: as many" in record["reason"]
