"""One smoke run of each task through the real entry, and the settings that are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.experiment import registry

ROOT = Path(__file__).parents[3]
TASKS = [
    "completion_cost",
    "completion_peers",
    "conditioning",
    "convergence",
    "facts",
    "fresh_samples",
    "frontier",
    "inner_steps",
    "preconditioning",
    "robustness",
]
DATA = ["ratings", "sea_temperature", "rating_peers"]


def test_every_task_is_covered():
    assert {*TASKS, *DATA} == set(registry.tasks("altmin_completion"))


@pytest.mark.parametrize("task", TASKS)
def test_smoke(task, smoke):
    status, record = smoke(task)
    assert status == 0, record["reason"]
    assert record["status"] == "completed"
    assert record["metric"] in record["metrics"]


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("task", DATA)
def test_of_data(task, smoke):
    status, record = smoke(task, f"data.root={ROOT / 'data'}")
    assert status == 0, record["reason"]
    metrics = record["metrics"]
    if task == "rating_peers":
        assert metrics["rmse_cg2"] < metrics["rmse_biases"]
    else:
        assert metrics["cg2"] < metrics["mean"]


@pytest.mark.parametrize(
    ("task", "override", "said"),
    [
        ("convergence", "task.rank=31", "31"),
        ("fresh_samples", "task.rounds=500", "too few for"),
        ("convergence", "task.half_steps=[1,30]", "allow a first and a last of 0 to 7"),
        ("convergence", "task.half_steps=[3,1]", "half_steps=[3, 1]"),
        ("convergence", "task.share=0.5", "one of shares"),
        ("completion_cost", "task.ranks=[4,50]", "40 entries a row allow 1 to 40"),
        ("frontier", "task.cases=[[2.5,8.0]]", "a rank of 2.5"),
        ("frontier", "task.cases=[[20.0,8.0]]", "more than every entry"),
    ],
)
def test_settings_are_refused(task, override, said, smoke, capsys):
    status, _ = smoke(task, override)
    assert status == 2
    assert said in capsys.readouterr().err
