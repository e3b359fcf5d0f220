"""Two processes train the same model on the same global batches and leave one record."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.running import ROOT, record, run, run_folders

ARGUMENTS = ["task=lra/retrieval", "scale=smoke", "trainer=cpu", "trainer.threads=1"]


@pytest.mark.slow
def test_two_processes_one_record(tmp_path):
    done = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), *ARGUMENTS, "trainer.devices=2"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    (two,) = run_folders(tmp_path, "lra/retrieval")
    run(ARGUMENTS, tmp_path)
    (one,) = set(run_folders(tmp_path, "lra/retrieval")) - {two}
    # BatchNorm sees half of each batch in each process, so the bits differ and the loss hardly.
    assert record(two)["metrics"]["test_loss"] == pytest.approx(
        record(one)["metrics"]["test_loss"], rel=1e-2
    )
    assert record(two)["metrics"]["steps"] == record(one)["metrics"]["steps"]


def test_composites_and_sweeps_refuse_several_processes(tmp_path):
    done = run(["task=lra", "scale=smoke", "trainer.devices=2"], tmp_path)
    assert done.returncode == 2
    assert "one task at a time" in done.stderr
