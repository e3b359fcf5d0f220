"""One smoke run of each of hippo's classification tasks, and of each of its models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from common.experiment import registry
from common.experiment.cli import main

ROOT = Path(__file__).parents[3]
SHIPPED = ["sequential/digits"]
# Minutes in all, and the common parts are run by other papers' tests.
SLOW = ["lra/listops", "lra/retrieval", "lra/pathfinder", "lra/pathx"]
# Their data are used when an earlier run, or the person at the keyboard, has brought them.
FETCHED = [
    "lra/image",
    "lra/text",
    "sequential/cifar_colour",
    "sequential/cifar_grey",
    "sequential/mnist",
]


@pytest.fixture
def smoke(tmp_path, monkeypatch):
    """Runs a task and gives its exit status and record."""
    monkeypatch.chdir(tmp_path)

    def run(task, *extra):
        fixed = ["paper=hippo", "scale=smoke", "trainer.threads=1", "data.workers=1"]
        with pytest.raises(SystemExit) as stopped:
            main([f"task={task}", *fixed, *extra])
        (folder,) = (tmp_path / "outputs" / "hippo" / task).iterdir()
        return stopped.value.code, json.loads((folder / "record.json").read_text())

    return run


def test_every_classification_is_covered():
    tasks = {t for t in registry.tasks("hippo") if t.startswith(("lra/", "sequential/"))}
    assert {*SHIPPED, *SLOW, *FETCHED} == tasks


@pytest.mark.parametrize(
    "task", SHIPPED + [pytest.param(task, marks=pytest.mark.slow) for task in SLOW]
)
def test_smoke(task, smoke):
    status, record = smoke(task)
    assert status == 0, record["reason"]
    assert record["status"] == "completed"
    assert "accuracy" in record["metrics"] or task == "lra/pathx"


@pytest.mark.slow
@pytest.mark.parametrize("task", FETCHED)
def test_smoke_on_fetched_data(task, smoke):
    status, record = smoke(task, "data.download=false", f"data.root={ROOT / 'data'}")
    if record["status"] == "not run":
        pytest.skip(record["reason"])
    assert status == 0, record["reason"]
    assert "accuracy" in record["metrics"]


# The first on every machine; the others differ from it in their matrices.
MODELS = registry.models("hippo")


@pytest.mark.parametrize(
    "model", [MODELS[0], *(pytest.param(model, marks=pytest.mark.slow) for model in MODELS[1:])]
)
def test_every_model_trains(model, smoke):
    status, record = smoke("sequential/digits", f"model={model}")
    assert status == 0, record["reason"]
    assert record["variant"] == model
