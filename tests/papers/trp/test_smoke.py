"""One smoke run of each task through the real entry."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from common.experiment import registry
from common.experiment.cli import main

ROOT = Path(__file__).parents[3]
GENERATED = ["decomposed_layers", "nuclear_subgradient", "rank_stability"]
# Their data are used when an earlier run, or the person at the keyboard, has brought them.
FETCHED = ["rank_pruning", "from_scratch", "projection_cost"]


@pytest.fixture
def smoke(tmp_path, monkeypatch):
    """Runs a task and gives its exit status and record."""
    monkeypatch.chdir(tmp_path)

    def run(task, *extra):
        fixed = ["paper=trp", "scale=smoke", "trainer.threads=1"]
        with pytest.raises(SystemExit) as stopped:
            main([f"task={task}", *fixed, *extra])
        (folder,) = (tmp_path / "outputs" / "trp" / task).iterdir()
        return stopped.value.code, json.loads((folder / "record.json").read_text())

    return run


def test_every_task_is_covered():
    assert {*GENERATED, *FETCHED} == set(registry.tasks("trp"))


@pytest.mark.parametrize("task", GENERATED)
def test_smoke(task, smoke):
    status, record = smoke(task)
    assert status == 0, record["reason"]
    assert record["metric"] in record["metrics"]


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("task", FETCHED)
def test_smoke_on_fetched_data(task, smoke):
    status, record = smoke(task, f"data.root={ROOT / 'data'}")
    assert status == 0, record["reason"]
    assert record["metric"] in record["metrics"]


def test_imagenet_is_said_to_be_missing(smoke):
    status, record = smoke("from_scratch", "task.imagenet=true", "task.depth=50")
    assert status == 2
    assert record["reason"].startswith("ImageNet is missing.")


@pytest.mark.slow
@pytest.mark.data
def test_twenty_steps_at_published_shapes(tmp_path):
    """128 images a step, the authors' ResNet-20, projected at the first step."""
    import subprocess
    import sys

    arguments = ["paper=trp", "task=from_scratch", "scale=paper", "trainer.max_steps=20"]
    arguments += ["task.retrain_epochs=0", f"data.root={ROOT / 'data'}", "task.dataset.test=100"]
    done = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), *arguments],
        cwd=tmp_path, capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "outputs" / "trp" / "from_scratch").iterdir()
    record = json.loads((folder / "record.json").read_text())
    assert record["metrics"]["steps"] == 20
    assert record["metrics"]["parameters_dense"] == 272_474
