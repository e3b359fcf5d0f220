"""A SLURM job that was told to stop: whether it goes back into the queue."""

from __future__ import annotations

import time

import pytest

from common.experiment.sweep import profiles, slurm_job, store
from common.experiment.sweep.store import Note, Sweep
from tests.made import job


@pytest.fixture
def stopped(tmp_path, monkeypatch):
    """A sweep whose only job has just been stopped, and how it asks to go on."""
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setattr(slurm_job, "_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(slurm_job, "_PATIENCE_SECONDS", 0.0)

    def go_back(requeues: int = 1, began: float | None = None, **more) -> Sweep:
        profile = profiles.SlurmProfile(time=2, signal_lead=1, requeues=requeues)
        folder = store.new_folder(tmp_path, [job()])
        made = Sweep(folder, (job(),), "run.py", profile, tmp_path, **more)
        made.write()
        made.keep(0, Note(attempts=[{"how": "stopped by SIGTERM"}]))
        slurm_job._go_back(str(folder), 0, time.monotonic() if began is None else began)
        return made

    return go_back


def test_before_the_limit_nothing_is_counted(stopped, scheduler):
    scheduler.says(squeue="RUNNING|1:00:00")
    made = stopped(requeues=0)
    assert scheduler.calls("scontrol") == ["requeue 7"]
    assert made.note(0).limits == 0


def test_a_busy_controller_makes_of_one_time_limit_no_two(stopped, scheduler):
    scheduler.says(squeue="RUNNING|0:30")
    scheduler.fails(scontrol="Socket timed out on send/recv operation")
    made = stopped(requeues=1)
    assert len(scheduler.calls("scontrol")) > 2
    assert made.note(0).limits == 1
    assert made.note(0).attempts[-1]["how"] == "time limit"


def test_one_time_limit_too_many(stopped, scheduler, capsys):
    scheduler.says(squeue="RUNNING|0:30")
    assert stopped(requeues=0).note(0).limits == 1
    assert scheduler.calls("scontrol") == []
    assert "requeues=0 allows no more" in capsys.readouterr().out


@pytest.mark.parametrize("state", ["", "COMPLETING|0:30", "CANCELLED|0:30"])
def test_a_job_that_was_cancelled_does_not_come_back(stopped, scheduler, state):
    scheduler.says(squeue=state)
    stopped()
    assert scheduler.calls("scontrol") == []


@pytest.mark.parametrize(
    ("seconds", "requeues", "limits", "asks"),
    [(0, 0, 0, True), (110, 1, 1, True), (110, 0, 1, False)],
)
def test_in_a_container_the_clock_tells(
    stopped, monkeypatch, seconds, requeues, limits, asks, tmp_path
):
    monkeypatch.setenv("PATH", str(tmp_path))
    made = stopped(requeues, began=time.monotonic() - seconds)
    assert made.note(0).limits == limits
    assert made.requeue("7").exists() is asks
