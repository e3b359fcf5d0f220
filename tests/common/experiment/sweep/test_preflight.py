"""What is refused and shown before a sweep starts."""

from __future__ import annotations

import pytest

from common.errors import UserError
from common.experiment.sweep import preflight, profiles
from common.experiment.sweep import start as sweep_start
from tests.made import a_run, job
from tests.running import run

QUICK = ["-m", "task=lra/listops", "scale=smoke", "trainer.threads=1"]


def test_two_jobs_that_are_the_same_experiment_are_refused(tmp_path):
    done = run([*QUICK, "seed=0,1,0"], tmp_path)
    assert done.returncode == 2
    assert "same experiment" in done.stderr
    assert not (tmp_path / "outputs").exists()


def test_a_dry_run_shows_the_jobs_their_data_and_starts_nothing(tmp_path):
    done = run([*QUICK, "seed=0,1", "dry=true"], tmp_path)
    assert done.returncode == 0
    assert "2 jobs: 2 run" in done.stdout
    assert "ListOpsSpec to be made" in done.stdout
    assert "no time here yet" in done.stdout
    assert not (tmp_path / "outputs").exists()


def test_the_estimate_is_what_earlier_runs_took(tmp_path):
    for name, seconds in (("000000", 3000.0), ("000001", 3600.0), ("000002", 9000.0)):
        a_run(tmp_path, job(9), name, "completed", wall_seconds=seconds)
    jobs = [job(0), job(1), job(2, task="other")]
    found = preflight.look(jobs, tmp_path, None, skip_done=False)
    said = preflight.estimate(found, profiles.SlurmProfile(time=30))
    assert said.startswith("about 2 node-hours")
    assert "1 jobs of tasks that have no time here yet, at most 0.5 node-hours" in said


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("hydra/launcher=slrum", "Did you mean 'slurm'? Allowed: basic, local,"),
        ("hydra/launcher=local hydra.launcher.jobs=many", "many"),
        ("trainer.devices=2", "one task at a time"),
    ],
)
def test_mistakes_are_told_before_anything_starts(tmp_path, argument, said):
    done = run([*QUICK, "seed=0,1", *argument.split()], tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize(
    ("argument", "said"),
    [("resume=x", "resumes its runs by itself"), ("output_root=a,b", "one value in a sweep")],
)
def test_what_is_the_sweeps_own_has_one_value(argument, said):
    with pytest.raises(UserError, match=said):
        sweep_start.sweep(["seed=0,1", argument], None, profiles.BasicProfile(), None)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"prepare": "never"}, "allowed: job, here, no"),
        ({"time": 1, "signal_lead": 60}, "no time; allowed: more than 0, less than 60"),
        ({"cpus": 0}, "cpus=0 is out of range; allowed: 1 up"),
    ],
)
def test_profiles_refuse_what_cannot_work(options, said):
    with pytest.raises(UserError, match=said):
        profiles.SlurmProfile(**options)


@pytest.mark.parametrize(
    ("prelude", "said"),
    [
        ("import sys; sys.modules['submitit'] = None", "pip install 'structlab[cluster]'"),
        ("import sys, types; sys.modules['submitit'] = types.ModuleType('x')", "launcher=local"),
    ],
)
def test_slurm_is_refused_where_it_cannot_work(tmp_path, monkeypatch, prelude, said):
    monkeypatch.setenv("PATH", "")
    done = run([*QUICK, "seed=0", "hydra/launcher=slurm"], tmp_path, prelude=prelude)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / "outputs").exists()
