"""Sweeps as arrays of a real SLURM: the same records as here, in pieces, with several tasks."""

from __future__ import annotations

import subprocess

import pytest

from common.experiment.sweep.states import States
from tests.running import ROOT, measured, record
from tests.slurm.sweeps import (
    SHORT,
    SLURM,
    all_under_way,
    call,
    ended,
    environment,
    newest,
    runs_of,
    submitted,
    wait,
)

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(600)]

# Nothing depends on how a batch is dealt out to processes.
EXACT = [
    *SHORT[:-1],
    "train.epochs=3",
    "model.norm=layer",
    "model.dropout=0",
    "trainer.precision=64-true",
]


def by_seed(folder):
    """Everything of each record that was measured or asked for."""
    kept = ("metrics", "curves", "data", "notes", "facts", "config_hash", "overrides", "code")
    found = {}
    for run in runs_of(folder):
        content = record(run) | {"metrics": measured(run)}
        found[content["seed"]] = {key: content[key] for key in kept}
        found[content["seed"]]["best"] = (run / "best.pt").read_bytes()
    return found


def test_the_same_sweep_here_and_there(tmp_path):
    found = {}
    for name, launcher in {
        "basic": [],
        "local": ["hydra/launcher=local"],
        "slurm": SLURM,
    }.items():
        (tmp_path / name).mkdir()
        out = call(["-m", *SHORT, "seed=0,1", *launcher], tmp_path / name)
        assert "2 runs: 2 completed" in out
        found[name] = by_seed(tmp_path / name)
    assert set(found["basic"]) == {0, 1}
    assert found["basic"] == found["local"] == found["slurm"]


def test_an_array_too_large_for_the_site_is_split_and_data_are_made_once(tmp_path):
    sweep = submitted([*SHORT, "seed=0,1,2", "hydra.launcher.max_array_size=2"], tmp_path)
    assert [s.indices for s in sweep.submissions()] == [[], [0, 1], [2]]
    states = wait(sweep, ended)
    assert [s.state for s in states] == ["completed"] * 3
    logs = {log.name: log.read_text() for log in sweep.logs.glob("*.out")}
    assert sum(": ready (generated" in text for text in logs.values()) == 1
    assert [s.state for s in States(newest(tmp_path)).look()] == ["completed"] * 3


def test_the_plain_batch_script(tmp_path):
    script = str(ROOT / "slurm" / "run.sbatch")
    (tmp_path / "run.py").symlink_to(ROOT / "run.py")
    options = ["--cpus-per-task=1", "--mem=2G", "--time=10"]
    batch = ["sbatch", "--wait", *options, "--array=3-4", script, *SHORT]
    for _ in range(2):  # the second time there is nothing to do
        subprocess.run(batch, cwd=tmp_path, env=environment(), check=True, capture_output=True)
        assert sorted(record(run)["seed"] for run in runs_of(tmp_path)) == [3, 4]


@pytest.mark.parametrize("nodes", [1, 2])
def test_several_tasks_have_the_loss_curve_of_one_process(tmp_path, nodes):
    (tmp_path / "one").mkdir()
    call(EXACT, tmp_path / "one")
    (one,) = runs_of(tmp_path / "one")
    # Pretended nodes share an address, and have no names that could be looked up.
    several = ["trainer.devices=2", f"trainer.nodes={nodes}",
               "hydra.launcher.setup=['export MASTER_ADDR=127.0.0.1']"]  # fmt: skip
    sweep = submitted([*EXACT, *several], tmp_path)
    (state,) = wait(sweep, ended)
    assert state.state == "completed", state.log.read_text()
    (two,) = runs_of(tmp_path)
    curves = record(two)["curves"], record(one)["curves"]
    assert curves[0]["train_loss"] == pytest.approx(curves[1]["train_loss"], rel=1e-12)
    assert curves[0]["val_score"] == curves[1]["val_score"]


def test_fsdp_under_srun(tmp_path):
    """A part of every parameter in each task, and the loss curve of whole ones (float32)."""
    exact = [argument for argument in EXACT if not argument.startswith("trainer.precision")]
    curves = []
    for strategy in ("ddp", "fsdp"):
        (tmp_path / strategy).mkdir()
        several = ["trainer.devices=2", f"trainer.strategy={strategy}",
                   "hydra.launcher.setup=['export MASTER_ADDR=127.0.0.1']"]  # fmt: skip
        sweep = submitted([*exact, *several], tmp_path / strategy)
        (state,) = wait(sweep, ended)
        assert state.state == "completed", state.log.read_text()
        curves.append(state.record.curves["train_loss"])
    assert curves[1] == pytest.approx(curves[0], rel=1e-5)


def test_several_tasks_stop_together_and_go_on(tmp_path):
    """Upon the signal that comes before the time limit."""
    several = ["trainer.devices=2", "hydra.launcher.setup=['export MASTER_ADDR=127.0.0.1']",
               "train.epochs=300"]  # fmt: skip
    sweep = submitted([*EXACT, *several], tmp_path)
    (state,) = wait(sweep, all_under_way)
    subprocess.run(["scancel", "--signal=USR2", state.slurm], check=True)
    (state,) = wait(sweep, ended)
    assert state.state == "completed", state.log.read_text()
    assert state.attempts == 2
    assert len(state.record.curves["train_loss"]) == 300
    assert len(runs_of(tmp_path)) == 1
