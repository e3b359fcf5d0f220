"""Sweeps of real processes: killed, cancelled, and run again."""

from __future__ import annotations

import csv
import os
import signal
import time
from pathlib import Path

import pytest

from common.experiment.sweep import store
from common.experiment.sweep.commands import main
from common.experiment.sweep.states import States
from common.experiment.sweep.store import Sweep
from tests.running import finish, measured, record, run, run_folders, start

QUICK = ["-m", "task=lra/listops", "scale=smoke", "trainer.threads=1"]


KILLED = """
import os
from papers.s5_ptd.tasks import classify
original = classify.build
def dies(model, data, basis):
    import torch
    if torch.initial_seed() == 1:
        os.kill(os.getpid(), 9)
    return original(model, data, basis)
classify.build = dies
"""


def test_the_same_command_again_runs_only_what_is_missing(tmp_path):
    killed = run([*QUICK, "seed=0,1,2"], tmp_path, prelude=KILLED)
    assert killed.returncode == -9
    assert len(run_folders(tmp_path)) == 2
    again = run([*QUICK, "seed=0,1,2"], tmp_path)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "3 jobs: 1 done, 1 resume, 1 run" in again.stdout
    assert "3 runs: 3 completed" in again.stdout
    seeds = [record(folder)["seed"] for folder in run_folders(tmp_path)]
    assert sorted(seeds) == [0, 1, 2]  # the one that was killed went on in its own folder
    third = run([*QUICK, "seed=0,1,2"], tmp_path)
    assert "3 jobs: 3 done" in third.stdout
    assert len(store.folders(tmp_path / "outputs")) == 2  # nothing to do is no sweep


@pytest.mark.slow
def test_what_is_done_is_done_again_if_that_is_asked_for(tmp_path):
    for _ in range(2):
        assert run([*QUICK, "seed=0", "skip_done=false"], tmp_path).returncode == 0
    assert len(run_folders(tmp_path)) == 2


@pytest.mark.slow
def test_local_processes_and_one_process_measure_the_same(tmp_path):
    places = {}
    for launcher in ("basic", "local"):
        places[launcher] = tmp_path / launcher
        places[launcher].mkdir()
        done = run([*QUICK, "seed=0,1", f"hydra/launcher={launcher}"], places[launcher])
        assert done.returncode == 0, done.stdout + done.stderr
        assert "2 runs: 2 completed" in done.stdout
    by_seed = [
        {record(f)["seed"]: (measured(f), record(f)["curves"], record(f)["overrides"]) for f in fs}
        for fs in map(run_folders, places.values())
    ]
    assert by_seed[0] == by_seed[1]
    sweep = store.find(places["local"] / "outputs", None)
    assert "epoch 1/1" in (sweep.logs / "1.log").read_text()
    rows = list(csv.DictReader((sweep.folder / "results.csv").open()))
    assert [row["seed"] for row in rows] == ["0", "1"]
    assert float(rows[1]["accuracy"]) == by_seed[0][1][0]["accuracy"]


@pytest.mark.slow
def test_a_composite_in_a_sweep_goes_on_with_what_was_lacking(tmp_path):
    """Its members lie where the sweep puts its runs; one without data is tried again."""
    arguments = ["-m", "task=lra", "task.members=[lra/listops,lra/text]", "scale=smoke",
                 "trainer.threads=1", "data.local_source=null", "data.download=false",
                 "output_root=there"]  # fmt: skip
    first = run(arguments, tmp_path)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "1 runs: 1 completed" in first.stdout
    again = run([*arguments, "dry=true"], tmp_path)
    assert "1 jobs: 1 resume" in again.stdout
    assert not (tmp_path / "outputs").exists()
    kept = {p.parent.name for p in (tmp_path / "there").glob("s5_ptd/lra/*/*/record.json")}
    assert len(kept) == 2
    run(arguments, tmp_path)
    assert kept == {p.parent.name for p in (tmp_path / "there").glob("s5_ptd/lra/*/*/record.json")}


def test_a_site_file_is_chosen_by_name(tmp_path):
    done = run([*QUICK, "seed=0,1", "hydra/launcher=slurm", "dry=true",
                "site@hydra.launcher=example"], tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "at most 24 node-hours" in done.stdout  # two jobs of the example's 720 minutes


LONG = ["task=lra/listops", "scale=smoke", "trainer.threads=1", "train.epochs=3000",
        "trainer.checkpoint_every=1", "hydra/launcher=local", "hydra.launcher.jobs=1"]  # fmt: skip


def under_way(folder: Path) -> Sweep:
    while not list(folder.glob("outputs/s5_ptd/lra/listops/*/checkpoints/step-*.ckpt")):
        time.sleep(0.05)
    return store.find(folder / "outputs", None)


@pytest.mark.slow
def test_ctrl_c_stops_in_order_and_cancel_works_from_another_shell(tmp_path, monkeypatch):
    parent = start(["-m", *LONG, "seed=0,1"], tmp_path)
    sweep = under_way(tmp_path)
    monkeypatch.chdir(tmp_path)
    states = States(sweep).look()
    assert [s.state for s in states] == ["running", "waiting"]
    assert main(["cancel"]) == 0
    done = finish(parent)
    assert done.returncode == 1, done.stderr
    states = States(sweep).look()
    assert [s.state for s in states] == ["cancelled", "cancelled"]
    assert "stopped by SIGTERM" in states[0].cause
    parent = start(["-m", *LONG, "seed=0"], tmp_path)
    while "resuming" not in "".join(
        p.read_text() for p in tmp_path.glob("outputs/sweeps/*/logs/*")
    ):
        time.sleep(0.05)
    parent.send_signal(signal.SIGINT)
    assert finish(parent).returncode == 130
    assert len(run_folders(tmp_path)) == 1
    assert record(run_folders(tmp_path)[0])["status"] == "interrupted"


@pytest.mark.slow
def test_a_killed_process_is_told_from_a_failed_one(tmp_path, capsys, monkeypatch):
    parent = start(["-m", *LONG, "seed=0"], tmp_path)
    sweep = under_way(tmp_path)
    os.kill(sweep.note(0).attempts[0]["pid"], signal.SIGKILL)
    done = finish(parent)
    assert done.returncode == 1
    assert "killed: job 0" in done.stdout
    assert "by signal 9" in done.stdout
    monkeypatch.chdir(tmp_path)
    main(["show"])
    assert "by signal 9" in capsys.readouterr().out
