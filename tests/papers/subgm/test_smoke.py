"""One smoke run of each task through the real entry, and the settings that are refused."""

from __future__ import annotations

import pytest

from common.experiment import registry

TASKS = [
    "convex",
    "exponent",
    "gaussian",
    "image_block",
    "noiseless",
    "outliers",
    "population",
    "samples",
    "sign_rip",
]


def test_every_task_is_covered():
    assert set(TASKS) == set(registry.tasks("subgm"))


@pytest.mark.parametrize("task", TASKS)
def test_smoke(task, smoke):
    if task == "convex":
        pytest.importorskip("cvxpy")
    if task == "image_block":
        pytest.importorskip("skimage")
    status, record = smoke(task)
    assert status == 0, record["reason"]
    assert record["status"] == "completed"
    assert record["metric"] in record["metrics"]


@pytest.mark.parametrize(
    ("task", "override", "said"),
    [
        ("outliers", "task.fraction=1.5", "fraction"),
        ("outliers", "task.widths=[7]", "allowed: 1 to 6"),
        ("gaussian", "task.alpha=1", "alpha=1.0"),
        ("noiseless", "task.rank=7", "allowed: 1 to 6"),
    ],
)
def test_settings_are_refused(task, override, said, smoke, capsys):
    status, _ = smoke(task, override)
    assert status == 2
    assert said in capsys.readouterr().err
