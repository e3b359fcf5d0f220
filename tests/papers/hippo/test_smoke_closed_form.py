"""One smoke run of each of the paper's own tasks through the real entry."""

from __future__ import annotations

import json

import pytest

from common.experiment import registry
from common.experiment.cli import main

TASKS = [
    "approximation_rate",
    "delay",
    "dplr_exact",
    "orthogonal_bases",
    "reconstruct",
    "timescale",
]


@pytest.fixture
def smoke(tmp_path, monkeypatch):
    """Runs a task and gives its exit status and record."""
    monkeypatch.chdir(tmp_path)

    def run(task, *extra):
        fixed = ["paper=hippo", "scale=smoke", "trainer.threads=1"]
        with pytest.raises(SystemExit) as stopped:
            main([f"task={task}", *fixed, *extra])
        folders = sorted((tmp_path / "outputs" / "hippo" / task).iterdir())
        return stopped.value.code, json.loads((folders[-1] / "record.json").read_text())

    return run


def test_the_tasks_are_there():
    assert set(TASKS) <= set(registry.tasks("hippo"))


@pytest.mark.parametrize("task", TASKS)
def test_smoke(task, smoke):
    status, record = smoke(task)
    assert status == 0, record["reason"]
    assert record["status"] == "completed"
    assert record["metric"] in record["metrics"]


def test_the_delay_with_everything_trained(smoke):
    status, record = smoke("delay", "task.frozen=false")
    assert status == 0, record["reason"]
    assert set(record["metrics"]) >= {"legt_trained", "s4d_real_trained"}


def test_figures_are_drawn(smoke, tmp_path):
    smoke("orthogonal_bases", "task.figures=true")
    drawn = {p.name for p in (tmp_path / "outputs").rglob("*.png")}
    assert drawn == {"bases.png", "online_reconstruction.png"}


@pytest.mark.parametrize(
    ("task", "override", "message"),
    [
        ("timescale", "task.memory=1000", "task.memory=1000"),
        ("delay", "task.lag=64", "task.lag=64"),
        ("delay", "task.systems=[legz]", "system='legz'"),
        ("reconstruct", "task.ranges.wide=[0.5,0.1]", "task.ranges.wide"),
    ],
)
def test_mistakes_are_explained(task, override, message, smoke, capsys):
    status, _ = smoke(task, override)
    assert status == 2
    assert message in capsys.readouterr().err
