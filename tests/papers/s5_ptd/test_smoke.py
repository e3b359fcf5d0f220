"""One smoke run of every (task, model family): real data, real training, a completed record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from common.experiment import registry
from common.experiment.cli import main

ROOT = Path(__file__).parents[3]
CLOSED_FORM = ["layer_equivalence", "ptd_solver", "transfer_functions"]
GENERATED = ["lra/listops", "lra/retrieval", "lra/pathfinder", "lra/pathx"]
SHIPPED = ["fourier_noise_digits", "frequency_extrapolation"]
# Their data are used when an earlier run, or the person at the keyboard, has brought them.
FETCHED = ["lra/image", "lra/text", "fourier_noise", "perturbation_size"]


@pytest.fixture(scope="session")
def data_root(tmp_path_factory):
    """One data folder for all, so that a perturbation is solved for once."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def smoke(tmp_path, monkeypatch, data_root):
    """Runs a task and gives its exit status and record."""
    monkeypatch.chdir(tmp_path)

    def run(task, *extra, root=data_root):
        fixed = ["scale=smoke", "trainer.threads=1", "data.workers=1", f"data.root={root}"]
        with pytest.raises(SystemExit) as stopped:
            main([f"task={task}", *fixed, *extra])
        (folder,) = (tmp_path / "outputs" / "s5_ptd" / task).iterdir()
        return stopped.value.code, json.loads((folder / "record.json").read_text())

    return run


def test_every_task_is_covered():
    covered = {*CLOSED_FORM, *GENERATED, *SHIPPED, *FETCHED, "lra"}
    assert covered == set(registry.tasks("s5_ptd"))


@pytest.mark.parametrize("task", CLOSED_FORM + GENERATED + SHIPPED)
def test_smoke(task, smoke):
    status, record = smoke(task)
    assert status == 0, record["reason"]
    assert record["status"] == "completed"
    if task != "lra/pathx":
        assert record["metric"] in record["metrics"] or task in CLOSED_FORM


@pytest.mark.parametrize("task", FETCHED)
def test_smoke_on_fetched_data(task, smoke):
    status, record = smoke(task, "data.download=false", root=ROOT / "data")
    if record["status"] == "not run":
        pytest.skip(record["reason"])
    assert status == 0, record["reason"]
    assert "accuracy" in record["metrics"]


@pytest.mark.parametrize("model", registry.models("s5_ptd"))
def test_every_model_trains(model, smoke):
    status, record = smoke("lra/listops", f"model={model}")
    assert status == 0, record["reason"]
    assert record["variant"] == model


def test_path_x_is_timed_and_never_scored(smoke):
    _, record = smoke("lra/pathx")
    assert "accuracy" not in record["metrics"]
    assert record["metrics"]["seconds_per_step"] > 0
    assert any("not trained" in note for note in record["notes"])


def test_noise_at_another_size_is_refused(smoke, capsys):
    status, _ = smoke("fourier_noise_digits", "model.state_size=16")
    assert status == 2
    assert "80.96" in capsys.readouterr().err


def test_figures_are_drawn(smoke, tmp_path):
    smoke("transfer_functions", "task.figures=true")
    smoke("ptd_solver", "task.figures=true")
    drawn = {p.name for p in (tmp_path / "outputs").rglob("*.png")}
    assert drawn == {"transfer_functions.png", "kappa_against_ratio.png"}
    assert len(list((tmp_path / "outputs").rglob("*.svg"))) == 2
