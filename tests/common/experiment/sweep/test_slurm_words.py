"""Where a job stands by what SLURM says of it, in the words that 22.05 was seen to use."""

from __future__ import annotations

import time
from datetime import datetime

import pytest

from common.experiment.sweep import preflight, queue
from common.experiment.sweep.again import forget_the_end
from common.experiment.sweep.states import States
from common.experiment.sweep.store import Note, Submission, Sweep
from tests.made import a_run, a_sweep, job

THEN = "2026-01-01T00:00:00"
AWAY = "slurm_load_jobs error: Unable to contact slurm controller (connect failure)"


def stand(sweep: Sweep) -> list[str]:
    return [state.state for state in States(sweep).look()]


def queued_once(root, jobs=(0,)) -> Sweep:
    made = a_sweep(root, [job(index) for index in jobs])
    made.add(Submission("7", list(jobs), time.time() - 1000))
    return made


@pytest.mark.parametrize(
    ("squeue", "sacct", "state"),
    [
        ("7_0|PENDING|N/A|Resources", "", "waiting"),
        ("7_0|RUNNING|N/A|None", "", "running"),
        ("7_0|PENDING|N/A|JobHeldUser", "", "held"),
        ("7_0|REQUEUE_HOLD|N/A|launch failed requeued held", "", "held"),
        ("", f"7_0|CANCELLED by 0|{THEN}|0:0|0:0", "cancelled"),
        ("", f"7_0|TIMEOUT|{THEN}|0:0|0:15", "time limit"),
        ("", f"7_0|OUT_OF_MEMORY|{THEN}|0:125|0:125", "out of memory"),
        ("", f"7_0|NODE_FAIL|{THEN}|0:0|0:0", "node failed"),
        ("", f"7_0|FAILED|{THEN}|9:0|0:9", "killed"),
        ("", f"7_0|FAILED|{THEN}|1:0|1:0", "failed"),
        ("", f"7_0|COMPLETED|{THEN}|0:0|0:0", "lost"),
        ("", f"7_1|COMPLETED|{THEN}|0:0|0:0", "lost"),
        (f"7_0|OUT_OF_MEMORY|{THEN}|OutOfMemory", "", "out of memory"),  # no accounting
    ],
)
def test_a_job_that_left_no_word(tmp_path, scheduler, squeue, sacct, state):
    scheduler.says(squeue=squeue, sacct=sacct)
    assert stand(queued_once(tmp_path, (0, 1)))[0] == state


def test_a_job_that_ended_well_is_given_time_for_its_record_to_be_seen(tmp_path, scheduler):
    made = queued_once(tmp_path)
    now = datetime.now().isoformat(timespec="seconds")
    scheduler.says(sacct=f"7|COMPLETED|{now}|0:0|0:0")
    assert stand(made) == ["waiting"]
    scheduler.says(sacct=f"7|COMPLETED|{THEN}|0:0|0:0")
    assert stand(made) == ["lost"]
    made.cancelled.touch()
    assert stand(made) == ["cancelled"]


def test_a_controller_that_is_away_ends_nothing(tmp_path, scheduler):
    made = queued_once(tmp_path)
    scheduler.fails(squeue=AWAY)
    looking = States(made)
    (state,) = looking.look()
    assert (state.state, looking.answering) == ("waiting", False)
    assert "does not answer" in state.cause
    scheduler.says(squeue="")
    assert looking.look()[0].state == "lost"
    made.add(Submission("8", [0], time.time()))
    assert looking.look()[0].state == "waiting"  # it takes a moment to be in the queue


def test_without_accounting_a_job_that_is_gone_does_not_wait_for_ever(tmp_path, scheduler):
    made = queued_once(tmp_path)
    scheduler.fails(sacct="Slurm accounting storage is disabled")
    assert stand(made) == ["lost"]
    scheduler.lacks("sacct")
    assert stand(made) == ["lost"]


def test_where_the_cluster_cannot_be_asked_jobs_are_unknown_and_can_be_run(tmp_path, scheduler):
    made = queued_once(tmp_path)
    scheduler.fails(squeue="squeue: unrecognized option '-a'")
    assert "unrecognized option" in States(made).look()[0].cause
    assert preflight.look(made.jobs, tmp_path, None, skip_done=True).to_run == [0]
    scheduler.says(squeue="7|RUNNING|N/A|None")
    assert preflight.look(made.jobs, tmp_path, None, skip_done=True).to_run == []


def test_a_machine_without_slurm(tmp_path, monkeypatch):
    made = queued_once(tmp_path)
    monkeypatch.setenv("PATH", "")
    (state,) = States(made).look()
    assert state.state == "unknown"
    assert "no squeue here" in state.cause


def test_a_held_job_is_not_queued_twice(tmp_path, scheduler):
    made = queued_once(tmp_path)
    scheduler.says(squeue="7|PENDING|N/A|JobHeldUser")
    (state,) = States(made).look()
    assert "scontrol release 7" in state.cause
    assert preflight.look(made.jobs, tmp_path, None, skip_done=True).to_run == []


def test_a_job_that_is_queued_again_does_not_show_its_old_end(tmp_path, scheduler):
    made = a_sweep(tmp_path, [job(0), job(1)])
    failed = a_run(tmp_path, job(0), "000000", "failed", reason="planted")
    made.keep(0, Note(folder=str(failed), attempts=[{"started": "then"}]))
    made.keep(1, Note(refused="seed is out of range", attempts=[{"started": "then"}]))
    assert stand(made) == ["failed", "refused"]
    for index in (0, 1):
        forget_the_end(made, index)
    made.add(Submission("8", [0, 1], time.time()))
    scheduler.says(squeue="8_0|RUNNING|N/A|None\n8_1|PENDING|N/A|Priority")
    assert stand(made) == ["running", "waiting"]


@pytest.mark.parametrize("status", ["completed", "failed"])
def test_of_a_job_with_a_record_nobody_is_asked(tmp_path, scheduler, status):
    done = a_run(tmp_path, job(0), "000000", status)
    made = a_sweep(tmp_path, [job(0)])
    made.keep(0, Note(folder=str(done), attempts=[{}]))
    made.add(Submission("6", [], 0.0))
    made.add(Submission("7", [0], 0.0))
    assert stand(made) == [status]
    assert scheduler.calls("squeue") == []


def test_a_site_without_arrays(scheduler):
    scheduler.says(scontrol="ClusterName = x\nMaxArraySize            = 0\n")
    assert queue.max_array_size() == 1
    scheduler.says(scontrol="MaxArraySize            = 1001\n")
    assert queue.max_array_size() == 1001


def test_a_job_that_the_queue_no_longer_has(scheduler):
    scheduler.fails(squeue="slurm_load_jobs error: Invalid job id specified")
    assert queue.time_left("7") == ("", None)
    scheduler.says(squeue="RUNNING|1-02:03:04")
    assert queue.time_left("7") == ("RUNNING", 93784.0)
    scheduler.says(squeue="RUNNING|UNLIMITED")
    assert queue.time_left("7") == ("RUNNING", None)
