"""CSV by default, TensorBoard by switch."""

from __future__ import annotations

import csv

import pytest

from common.experiment.cli import main
from tests.running import run_folders

QUICK = ["task=lra/listops", "scale=smoke", "trainer.threads=1"]


def run(tmp_path, monkeypatch, *extra):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main([*QUICK, *extra])
    assert stopped.value.code == 0
    return run_folders(tmp_path)[0]


def test_csv(tmp_path, monkeypatch):
    folder = run(tmp_path, monkeypatch)
    with next(folder.glob("logs/*/metrics.csv")).open() as file:
        rows = list(csv.DictReader(file))
    assert any(row.get("val/score") for row in rows)
    assert any(row.get("train/loss") for row in rows)
    assert not list(folder.rglob("events.out.*"))


def test_tensorboard(tmp_path, monkeypatch):
    folder = run(tmp_path, monkeypatch, "trainer.tensorboard=true", "trainer.csv=false")
    assert list(folder.rglob("events.out.*"))
    assert not (folder / "logs").exists()


def test_steps_can_be_limited(tmp_path, monkeypatch):
    from tests.running import record

    folder = run(tmp_path, monkeypatch, "trainer.max_steps=2")
    metrics = record(folder)["metrics"]
    assert (metrics["steps"], metrics["best_epoch"]) == (2, 1)
