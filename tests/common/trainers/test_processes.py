"""Several processes train the same model on the same global batches and leave one record."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from common.errors import UserError
from common.experiment import processes
from common.experiment.schema import TrainerConfig
from common.trainers.strategies import check
from tests.running import ROOT, record, run, run_folders

RETRIEVAL = ["task=lra/retrieval", "scale=smoke", "trainer=cpu", "trainer.threads=1"]
# A norm that sees one example at a time and no dropout: nothing depends on how a batch is dealt.
EXACT = [
    "task=lra/listops",
    "scale=smoke",
    "trainer=cpu",
    "trainer.threads=1",
    "model.norm=layer",
    "model.dropout=0",
]


def started(arguments: list[str], folder: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, str(ROOT / "run.py"), *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def ended(arguments: list[str], folder: Path) -> str:
    process = started(arguments, folder)
    out, _ = process.communicate(timeout=150)
    assert process.returncode == 0, out
    return out


@pytest.mark.slow
def test_two_processes_one_record(tmp_path):
    ended([*RETRIEVAL, "trainer.devices=2"], tmp_path)
    (two,) = run_folders(tmp_path, "lra/retrieval")
    run(RETRIEVAL, tmp_path)
    (one,) = set(run_folders(tmp_path, "lra/retrieval")) - {two}
    # BatchNorm sees half of each batch in each process, so the bits differ and the loss hardly.
    assert record(two)["metrics"]["test_loss"] == pytest.approx(
        record(one)["metrics"]["test_loss"], rel=1e-2
    )
    assert record(two)["metrics"]["steps"] == record(one)["metrics"]["steps"]


@pytest.mark.slow
def test_two_processes_have_the_loss_curve_of_one(tmp_path):
    exact = [*EXACT, "trainer.precision=64-true", "train.epochs=3"]
    curves = []
    for name, devices in (("one", 1), ("two", 2)):
        (tmp_path / name).mkdir()
        ended([*exact, f"trainer.devices={devices}"], tmp_path / name)
        curves.append(record(run_folders(tmp_path / name)[0])["curves"]["train_loss"])
    assert curves[1] == pytest.approx(curves[0], rel=1e-12)
    assert curves[0][0] != curves[0][2]


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_a_signal_to_one_process_stops_all_and_resuming_changes_nothing(tmp_path, strategy):
    arguments = [
        *EXACT,
        "trainer.devices=2",
        f"trainer.strategy={strategy}",
        "train.epochs=30",
        "trainer.checkpoint_every=1",
    ]
    straight, cut = tmp_path / "straight", tmp_path / "cut"
    straight.mkdir()
    cut.mkdir()
    ended(arguments, straight)
    process = started(arguments, cut)
    while not list(cut.glob("outputs/**/checkpoints/step-*.ckpt")):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    os.kill(_second_process(process.pid), signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 130
    (folder,) = run_folders(cut)
    assert record(folder)["status"] == "interrupted"
    ended([*arguments, f"resume={folder}"], cut)
    (whole,) = run_folders(straight)
    for key in ("curves", "status"):
        assert record(folder)[key] == record(whole)[key]
    assert record(folder)["metrics"]["test_loss"] == record(whole)["metrics"]["test_loss"]


def _second_process(first: int) -> int:
    """The process that Lightning started beside the first."""
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = status.read_text().splitlines()
        except OSError:
            continue
        if f"PPid:\t{first}" in lines:
            return int(status.parent.name)
    raise AssertionError("there is no second process")


def test_composites_and_sweeps_refuse_several_processes(tmp_path):
    done = run(["task=lra", "scale=smoke", "trainer.devices=2"], tmp_path)
    assert done.returncode == 2
    assert "one task at a time" in done.stderr


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"strategy": "zero"}, "allowed: ddp, fsdp"),
        ({"devices": 3, "nodes": 2}, "divides the number of devices"),
        ({"devices": 2, "nodes": 2}, "needs a scheduler"),
    ],
)
def test_what_cannot_be_dealt_out_is_refused(values, said):
    with pytest.raises(UserError, match=said):
        check(OmegaConf.structured(TrainerConfig(**values)))


def under_srun(monkeypatch, rank: int, restarts: int = 0) -> None:
    for name, value in {
        "SLURM_STEP_NUM_TASKS": 2,
        "SLURM_PROCID": rank,
        "SLURM_JOB_ID": 7,
        "SLURM_STEP_ID": 0,
        "SLURM_RESTART_COUNT": restarts,
    }.items():
        monkeypatch.setenv(name, str(value))


def test_processes_that_srun_started_meet_in_one_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "_PATIENCE_SECONDS", 0.1)
    folder = tmp_path / "run"
    under_srun(monkeypatch, 0)
    assert processes.is_main()
    processes.share(folder, True, tmp_path, "abc")
    under_srun(monkeypatch, 1)
    assert not processes.is_main()
    assert processes.shared(tmp_path, "abc") == (folder, True)
    under_srun(monkeypatch, 1, restarts=1)
    with pytest.raises(UserError, match=r"waited 0 s .* same output_root"):
        processes.shared(tmp_path, "abc")
