"""``python -m common.experiment sweeps`` on sweeps that are there."""

from __future__ import annotations

import json
import socket
import subprocess

import pytest

from common.errors import UserError
from common.experiment import locks
from common.experiment.sweep import store
from common.experiment.sweep.at_hand import AtHand
from common.experiment.sweep.commands import main
from common.experiment.sweep.store import Note, Submission, Sweep
from tests.made import a_run, a_sweep, job


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


@pytest.mark.parametrize(
    ("metrics", "rows"),
    [
        ({"text_accuracy": 81.0, "average": 82.5}, ["82.5"]),
        ({"text_accuracy": 81.0, "image_accuracy": 84.0}, ["81", "84"]),  # one member lacked data
    ],
)
def test_a_composite_shows_its_average_or_its_members(tmp_path, capsys, metrics, rows):
    whole = job(0, task="lra")
    made = a_sweep(tmp_path, [whole])
    told = {"metric": "", "metrics": metrics, "facts": {"members": {"lra/text": "there"}}}
    folder = a_run(tmp_path, whole, "000000", "completed", **told)
    made.keep(0, Note(folder=str(folder)))
    main(["--output-root", str(tmp_path), "collect"])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[-3] for line in lines if line[:2] == ["p", "lra"]] == rows


def test_cancel_leaves_a_process_alone_that_only_has_the_old_number(tmp_path, capsys):
    """The job was killed; another command runs the experiment now."""
    made = a_sweep(tmp_path, [job(0)])
    with subprocess.Popen(["sleep", "60"]) as bystander:
        attempt = {"host": socket.gethostname(), "pid": bystander.pid, "slurm": None}
        made.keep(0, Note(attempts=[attempt]))
        with locks.holding(made.lock(job(0))):
            assert main(["--output-root", str(tmp_path), "cancel"]) == 0
        assert bystander.poll() is None
        bystander.kill()
    out = capsys.readouterr().out
    assert "job 0 is run by another command" in out
    assert "cancelled: 0 jobs" in out
