"""What a sweep leaves alone, goes on with, refuses and reports; jobs are real processes."""

from __future__ import annotations

import csv
import json
import os
import signal
import time
from pathlib import Path

import pytest
from rich.console import Console

from common.errors import UserError
from common.experiment import locks, sources
from common.experiment.record import Record
from common.experiment.sweep import at_hand, preflight, profiles, store
from common.experiment.sweep import start as sweep_start
from common.experiment.sweep.at_hand import AtHand
from common.experiment.sweep.commands import main
from common.experiment.sweep.job import Job
from common.experiment.sweep.states import States
from common.experiment.sweep.store import Note, Submission, Sweep
from common.experiment.sweep.worker import run_job
from tests.running import finish, measured, record, run, run_folders, start

QUICK = ["-m", "task=lra/listops", "scale=smoke", "trainer.threads=1"]
MODULE = "common.trainers.fit"
CODE = {MODULE: sources.digest(MODULE)}


def job(index: int = 0, **changes) -> Job:
    fields = {
        "index": index,
        "overrides": (f"seed={index}",),
        "paper": "p",
        "task": "t",
        "variant": "v",
        "scale": "smoke",
        "seed": index,
        "config_hash": f"{index:012x}",
    }
    return Job(**fields | changes)


def a_run(root: Path, of: Job, name: str, status: str, code: dict[str, str] = CODE, **more) -> Path:
    folder = root / of.paper / of.task / f"20260101-{name}-{of.config_hash}"
    folder.mkdir(parents=True)
    told = {"config_hash": of.config_hash, "code": code, "status": status} | more
    Record(of.paper, of.task, of.variant, of.scale, of.seed, **told).write(folder)
    return folder


def a_sweep(root: Path, jobs: list[Job], **more) -> Sweep:
    made = Sweep(
        store.new_folder(root, jobs),
        tuple(jobs),
        "run.py -m",
        profiles.LocalProfile(),
        root,
        **more,
    )
    made.write()
    return made


# --- which runs are at hand ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "what"),
    [
        ("completed", at_hand.DONE),
        ("diverged", at_hand.DONE),
        ("interrupted", at_hand.RESUME),
        ("running", at_hand.RESUME),
        ("failed", at_hand.NEW),
        ("not run", at_hand.NEW),
    ],
)
def test_what_a_job_still_needs(tmp_path, status, what):
    folder = a_run(tmp_path, job(), "000000", status)
    standing = AtHand(tmp_path).of(job())
    assert standing.what == what
    assert standing.folder == (None if what == at_hand.NEW else folder)
    assert AtHand(tmp_path).of(job(1)).what == at_hand.NEW


def test_a_run_that_lives_is_left_alone(tmp_path):
    folder = a_run(tmp_path, job(), "000000", "running")
    with locks.holding(folder / locks.NAME) as alone:
        assert alone
        assert AtHand(tmp_path).of(job()).what == at_hand.RUNNING
        with locks.holding(folder / locks.NAME) as again:
            assert not again
    assert AtHand(tmp_path).of(job()).what == at_hand.RESUME


def test_runs_of_other_code_count_for_nothing(tmp_path):
    a_run(tmp_path, job(), "000000", "completed", {MODULE: "0" * 12})
    a_run(tmp_path, job(), "000001", "interrupted", {"common.no_such_module": "0" * 12})
    assert AtHand(tmp_path).of(job()).what == at_hand.NEW


@pytest.mark.parametrize(
    ("whole", "members", "what"),
    [
        ("completed", ("completed", "diverged"), at_hand.DONE),
        ("completed", ("completed", "not run"), at_hand.RESUME),  # what lacked may be there now
        ("failed", ("completed", "failed"), at_hand.RESUME),
        ("running", ("completed", "running"), at_hand.RESUME),
        ("running", (), at_hand.RESUME),
        ("completed", ("completed", "other code"), at_hand.NEW),
        ("running", ("other code", "running"), at_hand.NEW),
    ],
)
def test_a_composite_is_as_done_as_its_members(tmp_path, whole, members, what):
    folders = {}
    for number, status in enumerate(members):
        code = {MODULE: "0" * 12} if status == "other code" else CODE
        status = "completed" if status == "other code" else status
        member = a_run(tmp_path, job(number), f"00000{number}", status, code)
        folders[f"t{number}"] = str(member)
    folder = a_run(tmp_path, job(9, task="lra"), "000009", whole, {})
    (folder / "members.json").write_text(json.dumps(folders))
    assert AtHand(tmp_path).of(job(9, task="lra")).what == what


def test_a_damaged_record_does_not_hide_a_good_one(tmp_path):
    good = a_run(tmp_path, job(), "000000", "completed")
    (a_run(tmp_path, job(), "000001", "completed") / "record.json").write_text("{")
    assert AtHand(tmp_path).of(job()).folder == good


# --- before anything starts ----------------------------------------------------------------------


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
    said = preflight.estimate(found, profiles.SlurmProfile(time=30), tmp_path)
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


# --- running, and running again ------------------------------------------------------------------

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


# --- where a job stands --------------------------------------------------------------------------


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


# --- the commands --------------------------------------------------------------------------------


def test_sweeps_are_found_by_the_beginning_of_their_name(tmp_path):
    first, second = a_sweep(tmp_path, [job(0)]), a_sweep(tmp_path, [job(1)])
    assert store.find(tmp_path, first.name).jobs == first.jobs
    assert store.find(tmp_path, None).name == max(first.name, second.name)
    with pytest.raises(UserError, match="may be any of"):
        store.find(tmp_path, first.name[:8])
    with pytest.raises(UserError, match=f"no sweep 'x'. There are: .*{first.name}"):
        store.find(tmp_path, "x")


def test_a_sweep_of_another_version_or_cut_short_is_refused(tmp_path):
    made = a_sweep(tmp_path, [job(0)])
    (made.folder / "sweep.json").write_text(json.dumps({"schema": 99}))
    with pytest.raises(UserError, match="another version"):
        Sweep.read(made.folder)
    (made.folder / "sweep.json").write_text("{")
    with pytest.raises(UserError, match="not valid JSON"):
        Sweep.read(made.folder)


def test_the_bare_command_lists_all_sweeps(tmp_path, capsys):
    names = [a_sweep(tmp_path, [job(n)]).name for n in (0, 1)]
    for arguments in ([], ["list"]):
        assert main(["--output-root", str(tmp_path), *arguments]) == 0
        out = capsys.readouterr().out
        assert all(name in out for name in names)
        assert "1 not started" in out
    assert main(["list", "--output-root", str(tmp_path / "nowhere")]) == 0
    assert not any(name in capsys.readouterr().out for name in names)


def test_seeds_are_averaged_and_nothing_else(tmp_path, capsys):
    jobs = [
        job(i, overrides=(f"lr={lr}", f"seed={seed}"), seed=seed)
        for i, (lr, seed) in enumerate([(1, 0), (1, 1), (2, 0), (2, 1)])
    ]
    made = a_sweep(tmp_path, jobs)
    for one, accuracy in zip(jobs, (90.0, 91.0, 10.0, 11.0), strict=True):
        name = f"00000{one.index}"
        folder = a_run(tmp_path, one, name, "completed", metrics={"accuracy": accuracy})
        made.keep(one.index, Note(folder=str(folder)))
    main(["--output-root", str(tmp_path), "collect"])
    out = capsys.readouterr().out
    assert "90.5" in out
    assert "10.5" in out
    assert "50.5" not in out


def test_collect_counts_what_was_done_before(tmp_path, capsys):
    jobs = [job(0), job(1), job(2)]
    for one, accuracy in zip(jobs, (80.0, 90.0, 100.0), strict=True):
        a_run(tmp_path, one, f"00000{one.index}", "completed", metrics={"accuracy": accuracy})
    folders = [next(iter(AtHand(tmp_path).folders(one))) for one in jobs]
    made = a_sweep(tmp_path, jobs, done={0: str(folders[0])})
    for index in (1, 2):
        made.keep(index, Note(folder=str(folders[index])))
    assert main(["--output-root", str(tmp_path), "collect"]) == 0
    out = capsys.readouterr().out
    assert "3 runs: 3 completed" in out
    assert " 90 " in out
    assert " 10 " in out  # standard deviation of 80, 90, 100


def test_an_array_of_one_is_no_array():
    assert list(Submission("7", [4], 0.0).ids()) == [(4, "7")]
    assert list(Submission("7", [4, 9], 0.0).ids()) == [(4, "7_0"), (9, "7_1")]
