"""What may happen to a job, done to real ones: none hangs, loses a result or counts twice."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from common.experiment.sweep.states import States
from tests.slurm.conftest import SCRIPT
from tests.slurm.sweeps import (
    DETACHED,
    LONG,
    SHORT,
    SLURM,
    all_under_way,
    begin,
    call,
    ended,
    newest,
    queued_by,
    result,
    runs_of,
    submitted,
    under_way,
    wait,
)

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(600)]


def slurm(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def completed_once(sweep, folder: Path, straight: dict, attempts: int) -> None:
    """One job, one run, and what it comes to if nothing disturbs it."""
    (state,) = wait(sweep, ended)
    assert state.state == "completed", state
    assert state.attempts >= attempts
    (run,) = runs_of(folder)
    assert result(run) == straight


def test_time_limit(tmp_path, straight):
    sweep = submitted([*LONG, "hydra.launcher.time=1", "hydra.launcher.signal_lead=20"], tmp_path)
    completed_once(sweep, tmp_path, straight, attempts=2)
    assert sweep.note(0).attempts[0]["how"] == "time limit"


def test_time_limit_once_too_often(tmp_path):
    limit = ["hydra.launcher.time=1", "hydra.launcher.signal_lead=20", "hydra.launcher.requeues=0"]
    sweep = submitted([*LONG, "train.epochs=1000", *limit], tmp_path)
    (state,) = wait(sweep, ended)
    assert state.state == "time limit"
    assert "requeues=0 allows no more" in state.log.read_text()


def test_preemption(tmp_path, straight):
    sweep = submitted(LONG, tmp_path)
    wait(sweep, all_under_way)
    slurm("sbatch", "-p", "high", "-N", _nodes(), "--exclusive", "-o", "/dev/null",
          "--wrap", "srun sleep 3")  # fmt: skip
    completed_once(sweep, tmp_path, straight, attempts=2)
    assert sweep.note(0).attempts[0]["how"] == "stopped by SIGTERM"


def _nodes() -> str:
    return str(len(set(slurm("sinfo", "-h", "-N", "-o", "%N").split())))


def test_requeued_by_hand(tmp_path, straight):
    sweep = submitted(LONG, tmp_path)
    (state,) = wait(sweep, all_under_way)
    slurm("scontrol", "requeue", state.slurm)
    completed_once(sweep, tmp_path, straight, attempts=2)


def test_cancelled_then_killed_and_each_time_retried(tmp_path, straight):
    sweep = submitted(LONG, tmp_path)
    (state,) = wait(sweep, all_under_way)
    slurm("scancel", state.slurm)
    (state,) = wait(sweep, ended)
    assert state.state == "cancelled"
    assert "cancelled: job 0" in call(["sweeps", "show"], tmp_path)
    call(["sweeps", "retry"], tmp_path)
    wait(sweep, lambda states: states[0].state == "running" and states[0].attempts == 2)
    os.kill(sweep.note(0).attempts[-1]["pid"], signal.SIGKILL)
    (state,) = wait(sweep, ended)
    assert state.state == "killed"
    assert "killed: job 0" in call(["sweeps", "show"], tmp_path)
    assert "1 resume" in call(["-m", *DETACHED, *LONG], tmp_path)  # the same command
    completed_once(newest(tmp_path), tmp_path, straight, attempts=1)


def test_sweeps_cancel_is_not_undone_by_requeueing(tmp_path):
    sweep = submitted([*LONG, "seed=0,1"], tmp_path)
    wait(sweep, lambda states: any(under_way(state) for state in states))
    assert "cancelled: 2 jobs" in call(["sweeps", "cancel"], tmp_path)
    states = wait(sweep, ended)
    assert {state.state for state in states} == {"cancelled"}
    assert slurm("squeue", "--me", "-h", "-n", sweep.slurm_name) == ""


def test_sweeps_cancel_while_data_are_prepared(tmp_path):
    sweep = submitted([*SHORT, "+hydra.launcher.sbatch.begin=now+300"], tmp_path)
    wait(sweep, lambda states: states[0].cause.startswith("data are being prepared"))
    call(["sweeps", "cancel"], tmp_path)
    assert slurm("squeue", "--me", "-h", "-n", sweep.slurm_name) == ""
    (state,) = wait(sweep, ended)
    assert state.state == "cancelled"


def test_out_of_memory(tmp_path):
    sweep = submitted([*LONG, "hydra.launcher.mem=100M"], tmp_path)
    (state,) = wait(sweep, ended)
    assert state.state == "out of memory"
    assert "memory" in state.log.read_text().lower()
    assert "memory" in call(["sweeps", "show"], tmp_path).lower()


def test_a_job_that_raises_stops_no_other(tmp_path):
    out = call(["-m", *SLURM, *SHORT, "model.state_size=10,8"], tmp_path, status=1)
    assert "1 failed, 1 completed" in out
    said = [line for line in out.splitlines() if line.startswith("    | ")]
    assert any("ModelError" in line or "not divisible" in line for line in said), out
    again = call(["-m", *SLURM, *SHORT, "model.state_size=8,10"], tmp_path, status=1)
    assert "1 done, 1 run" in again


def test_the_parent_is_killed(tmp_path, straight):
    parent = begin(["-m", *SLURM, *LONG], tmp_path)
    sweep = queued_by(parent, tmp_path)
    wait(sweep, all_under_way)
    os.killpg(parent.pid, signal.SIGKILL)
    parent.wait()
    assert "1 running" in call(["sweeps", "list"], tmp_path)
    again = call(["-m", *SLURM, *LONG, "dry=true"], tmp_path)
    assert "1 queued in" in again or "1 running" in again
    assert "1 completed" in call(["sweeps", "watch"], tmp_path)
    completed_once(sweep, tmp_path, straight, attempts=1)


def test_the_shell_is_disconnected(tmp_path):
    parent = begin(["-m", *SLURM, *SHORT], tmp_path)
    sweep = queued_by(parent, tmp_path)
    os.kill(parent.pid, signal.SIGHUP)
    parent.wait()
    (state,) = wait(sweep, ended)
    assert state.state == "completed"


def test_the_controller_is_away_when_a_run_wants_to_go_back(tmp_path, straight):
    sweep = submitted(LONG, tmp_path)
    wait(sweep, all_under_way)
    away = subprocess.Popen([SCRIPT, "restart-controller", "15"], stdout=subprocess.DEVNULL)
    looking = States(sweep)
    while looking.look() and looking.answering:
        time.sleep(0.2)
    # The signal that the controller sends before the time limit.
    os.kill(sweep.note(0).attempts[-1]["pid"], signal.SIGUSR2)
    assert away.wait() == 0
    completed_once(sweep, tmp_path, straight, attempts=2)


def test_a_node_is_drained_under_a_run(tmp_path, straight):
    """The run ends; if it is put back in the queue it waits for the node."""
    sweep = submitted(LONG, tmp_path)
    (state,) = wait(sweep, all_under_way)
    node = slurm("squeue", "-h", "-j", state.slurm, "-o", "%N").strip()
    slurm("scontrol", "update", f"nodename={node}", "state=drain", "reason=test")
    try:
        completed_once(sweep, tmp_path, straight, attempts=1)
    finally:
        slurm("scontrol", "update", f"nodename={node}", "state=resume")


def test_a_run_in_a_container_reaches_no_scheduler(tmp_path):
    """The batch script, outside, asks in its place. (No compiler is found there either, so the run
    takes other kernels than one outside: its bits are its own.)"""
    limit = ["hydra.launcher.time=1", "hydra.launcher.signal_lead=20"]
    inside = "hydra.launcher.srun=[/usr/bin/env,'PATH=/nowhere']"
    sweep = submitted([*LONG, *limit, inside], tmp_path)
    (state,) = wait(sweep, ended)
    assert state.state == "completed", state
    assert state.attempts >= 2
    assert "left to the batch script" in state.log.read_text()
    assert len(state.record.curves["train_loss"]) == 250
    assert len(runs_of(tmp_path)) == 1


def test_a_drained_node(tmp_path):
    nodes = ",".join(set(slurm("sinfo", "-h", "-N", "-o", "%N").split()))
    slurm("scontrol", "update", f"nodename={nodes}", "state=drain", "reason=test")
    try:
        sweep = submitted(SHORT, tmp_path)
        (state,) = wait(sweep, lambda states: "drain" in states[0].cause.lower())
        assert state.cause.startswith("data are being prepared")
        assert state.state == "waiting"
        assert "drain" in call(["sweeps", "show"], tmp_path).lower()
    finally:
        slurm("scontrol", "update", f"nodename={nodes}", "state=resume")
    (state,) = wait(sweep, ended)
    assert state.state == "completed"
