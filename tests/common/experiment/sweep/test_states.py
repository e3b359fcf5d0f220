"""Where a job stands, by its record, its lock and what SLURM says of it."""

from __future__ import annotations

import os
import time

import pytest
from rich.console import Console

from common.experiment import locks
from common.experiment.sweep import start as sweep_start
from common.experiment.sweep import store
from common.experiment.sweep.states import States
from common.experiment.sweep.store import Note, Submission, Sweep
from common.experiment.sweep.worker import run_job
from tests.made import a_run, a_sweep, job


def stand(sweep: Sweep) -> list[str]:
    return [state.state for state in States(sweep).look()]


def test_jobs_wait_only_as_long_as_somebody_starts_them(tmp_path):
    made = a_sweep(tmp_path, [job(0), job(1)])
    assert stand(made) == ["not started", "not started"]
    with locks.holding(made.parent):
        assert stand(made) == ["waiting", "waiting"]
        made.keep(0, Note(attempts=[{"started": "now"}]))
        with locks.holding(made.lock(job(0))):
            assert stand(made) == ["running", "waiting"]
    assert stand(made) == ["killed", "not started"]
    made.keep(0, Note(exit=-9, attempts=[{"started": "now"}]))
    made.keep(1, Note(exit=3, attempts=[{"started": "now"}]))
    assert stand(made) == ["killed", "failed"]
    made.cancelled.touch()
    assert stand(made) == ["cancelled", "cancelled"]


def test_a_run_that_another_command_has_is_not_waited_for(tmp_path):
    going = a_run(tmp_path, job(0), "000000", "running")
    made = a_sweep(tmp_path, [job(0), job(1)], done={0: str(going)}, elsewhere={1: "other"})
    with locks.holding(going / locks.NAME):
        assert stand(made) == ["running", "elsewhere"]
    assert stand(made) == ["killed", "elsewhere"]
    a_run(tmp_path, job(1), "000001", "completed")
    assert stand(made) == ["killed", "completed"]
    made.keep(0, Note(attempts=[{"started": "now", "how": store.LEFT}]))
    assert stand(made)[0] == "elsewhere"


def test_a_run_that_was_started_by_hand_is_not_run_a_second_time(tmp_path, capsys):
    going = a_run(tmp_path, job(0), "000000", "running")
    made = a_sweep(tmp_path, [job(0)])
    with locks.holding(going / locks.NAME):
        assert run_job(made, 0, Console()) == 0
        assert "left to it" in capsys.readouterr().out
        assert stand(made) == ["elsewhere"]
    assert list(going.parent.iterdir()) == [going]


SLURM = """#!/bin/sh
cat "$(dirname "$0")/$(basename "$0").says" 2>/dev/null || { echo "no answer" >&2; exit 1; }
"""


@pytest.fixture
def scheduler(tmp_path, monkeypatch):
    """What squeue and sacct say, in the words that SLURM 22.05 was seen to use."""
    place = tmp_path / "bin"
    place.mkdir()
    for name in ("squeue", "sacct"):
        (place / name).write_text(SLURM)
        (place / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{place}:{os.environ['PATH']}")

    def says(**texts):
        for name, text in texts.items():
            (place / f"{name}.says").write_text(text)

    return says


@pytest.mark.parametrize(
    ("squeue", "sacct", "state"),
    [
        ("7_0|PENDING|Resources", "", "waiting"),
        ("7_0|RUNNING|None", "", "running"),
        ("", "7_0|CANCELLED by 0|0:0|0:0", "cancelled"),
        ("", "7_0|TIMEOUT|0:0|0:15", "time limit"),
        ("", "7_0|OUT_OF_MEMORY|0:125|0:125", "out of memory"),
        ("", "7_0|NODE_FAIL|0:0|0:0", "node failed"),
        ("", "7_0|FAILED|9:0|0:9", "killed"),
        ("", "7_0|FAILED|1:0|1:0", "failed"),
        ("", "7_1|COMPLETED|0:0|0:0", "lost"),
    ],
)
def test_what_slurm_says_of_a_job_that_left_no_word(tmp_path, scheduler, squeue, sacct, state):
    scheduler(squeue=squeue, sacct=sacct)
    made = a_sweep(tmp_path, [job(0), job(1)])
    made.add(Submission("7", [0, 1], time.time() - 1000))
    assert stand(made)[0] == state


def test_a_controller_that_is_away_ends_nothing(tmp_path, scheduler):
    made = a_sweep(tmp_path, [job(0)])
    made.add(Submission("7", [0], time.time() - 1000))
    looking = States(made)
    (state,) = looking.look()
    assert (state.state, looking.answering) == ("waiting", False)
    assert "does not answer" in state.cause
    scheduler(squeue="", sacct="")
    assert looking.look()[0].state == "lost"
    made.add(Submission("8", [0], time.time()))
    assert looking.look()[0].state == "waiting"  # it takes a moment to be in the queue


def test_a_job_that_is_queued_again_does_not_show_its_old_end(tmp_path, scheduler):
    made = a_sweep(tmp_path, [job(0), job(1)])
    failed = a_run(tmp_path, job(0), "000000", "failed", reason="planted")
    made.keep(0, Note(folder=str(failed), attempts=[{"started": "then"}]))
    made.keep(1, Note(refused="seed is out of range", attempts=[{"started": "then"}]))
    scheduler(squeue="", sacct="")
    assert stand(made) == ["failed", "refused"]
    for index in (0, 1):
        sweep_start._forget_the_end(made, index)
    made.add(Submission("8", [0, 1], time.time()))
    scheduler(squeue="8_0|RUNNING|None\n8_1|PENDING|Priority")
    assert stand(made) == ["running", "waiting"]


def test_a_finished_sweep_needs_no_scheduler(tmp_path, monkeypatch):
    done = a_run(tmp_path, job(0), "000000", "completed")
    made = a_sweep(tmp_path, [job(0)])
    made.keep(0, Note(folder=str(done), attempts=[{}]))
    made.add(Submission("6", [], 0.0))
    made.add(Submission("7", [0], 0.0))
    monkeypatch.setenv("PATH", "")
    looking = States(made)
    looking.look()
    assert looking.look()[0].state == "completed"
