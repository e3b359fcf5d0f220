"""Where a job stands, by its record and its lock."""

from __future__ import annotations

from rich.console import Console

from common.experiment import locks
from common.experiment.record import Record
from common.experiment.sweep import store, worker
from common.experiment.sweep.states import States
from common.experiment.sweep.store import Note, Sweep
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


def test_a_run_that_ends_while_it_is_looked_at_is_not_killed(tmp_path, monkeypatch):
    """It writes its record and lets go of its lock between two looks."""
    going = a_run(tmp_path, job(0), "000000", "running")
    made = a_sweep(tmp_path, [job(0)], done={0: str(going)})
    is_held = locks.is_held

    def ends(path):
        held = is_held(path)
        Record("p", "t", "v", "smoke", 0, "completed").write(going)
        return held

    monkeypatch.setattr(locks, "is_held", ends)
    assert stand(made) == ["completed"]


def test_processes_follow_the_first_one(tmp_path, monkeypatch):
    """It opens the run, or ends without; an earlier attempt says nothing."""
    made = a_sweep(tmp_path, [job(0)])
    monkeypatch.setattr(worker, "_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(worker, "_PATIENCE_STARTING_SECONDS", 0.05)
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    this, before = ({"slurm": "7", "restarts": restarts} for restarts in ("1", "0"))
    for attempt, follows in (
        (this | {"opened": True}, True),
        (this | {"ended": "now", "how": store.LEFT}, False),
        (before | {"opened": True}, False),
    ):
        made.keep(0, Note(attempts=[attempt]))
        assert worker._begun(made, 0) is follows
