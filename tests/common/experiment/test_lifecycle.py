"""How runs end, and what is on disk afterwards."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess

import pytest

from common.errors import UserError
from common.experiment import record as records
from common.experiment.cli import main
from common.experiment.folder import open_run_folder
from common.experiment.record import Record, refuse_not_finite, write_json
from tests.running import TINY, record, run, run_folders

QUICK = ["task=lra/listops", "scale=smoke", "trainer.threads=1"]


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def status(arguments):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    return stopped.value.code


def test_a_completed_run_records_everything(elsewhere):
    assert status(QUICK) == 0
    (folder,) = run_folders(elsewhere)
    content = record(folder)
    assert content["status"] == "completed"
    assert 0 <= content["metrics"]["accuracy"] <= 100
    assert content["published"] == 62.75
    assert content["chance"] == 10
    assert content["data"][0]["is_paper_data"] is False
    assert len(content["data"][0]["content_sha256"]) == 64
    assert content["config"]["train"]["batch_size"] == 16
    assert content["config_hash"] in folder.name
    assert content["overrides"] == QUICK
    assert {"commit", "dirty", "packages", "cpu", "threads", "gpu"} <= content["provenance"].keys()
    assert content["wall_seconds"] > 0
    assert content["peak_memory_bytes"] > 1e7


def test_a_failed_run_records_its_traceback_and_exits_1(elsewhere, monkeypatch):
    from papers.s5_ptd.tasks import classify

    def broken(*_):
        raise RuntimeError("planted")

    monkeypatch.setattr(classify, "build", broken)
    assert status(QUICK) == 1
    content = record(run_folders(elsewhere)[0])
    assert content["status"] == "failed"
    assert content["reason"] == "RuntimeError: planted"
    assert "planted" in content["traceback"]


def test_nan_loss_stops_at_once(elsewhere, monkeypatch):
    import torch

    from common.trainers.module import SupervisedModule

    original, count = SupervisedModule.training_step, [0]

    def poisoned(self, batch, index):
        count[0] += 1
        if count[0] == 3:
            with torch.no_grad():
                next(self.parameters()).fill_(float("nan"))
        return original(self, batch, index)

    monkeypatch.setattr(SupervisedModule, "training_step", poisoned)
    assert status(QUICK) == 1
    content = record(run_folders(elsewhere)[0])
    assert content["status"] == "diverged"
    assert content["facts"]["step"] == 2
    assert content["facts"]["last_finite_loss"] > 0
    assert count[0] == 3


def test_missing_data_is_not_run_and_says_what_to_put_where(elsewhere, capsys):
    arguments = ["task=lra/text", "scale=smoke", "data.download=false", "data.local_source=null"]
    assert status(arguments) == 2
    content = record(run_folders(elsewhere, "lra/text")[0])
    assert content["status"] == "not run"
    assert "aclImdb" in content["reason"]
    assert "not run" in capsys.readouterr().out


def test_an_empty_data_folder_is_as_good_as_none(elsewhere):
    (elsewhere / "empty").mkdir()
    arguments = ["task=lra/text", "scale=smoke", "data.download=false", "data.local_source=empty"]
    assert status(arguments) == 2
    content = record(run_folders(elsewhere, "lra/text")[0])
    assert content["status"] == "not run"
    assert "put it at data/downloads/aclImdb_v1.tar.gz" in content["reason"]


def test_a_local_source_that_is_no_folder_is_refused(elsewhere, capsys):
    assert status([*QUICK, "data.local_source=nowhere"]) == 2
    assert "nowhere is not a folder" in capsys.readouterr().err


def test_an_unwritable_place_gives_one_line(elsewhere, capsys):
    (elsewhere / "file").write_text("")
    assert status([*QUICK, "output_root=file"]) == 2
    error = capsys.readouterr().err
    assert "Cannot write run folders under" in error
    assert "output_root=<folder>" in error


def test_a_read_only_folder_gives_one_line(elsewhere, capsys):
    if os.geteuid() == 0:
        subprocess.run(["chattr", "+i", "."], check=False, capture_output=True)
        try:
            (elsewhere / "probe").write_text("")
        except OSError:
            pass
        else:
            pytest.skip("root writes everywhere on this file system")
    else:
        elsewhere.chmod(0o500)
    try:
        assert status([*QUICK, "data.root=/tmp"]) == 2
        assert "Cannot write run folders under" in capsys.readouterr().err
    finally:
        subprocess.run(["chattr", "-i", str(elsewhere)], check=False, capture_output=True)
        elsewhere.chmod(0o700)


FULL = """
import errno, os
original = os.fsync
def full(descriptor):
    if "checkpoints" in os.readlink(f"/proc/self/fd/{descriptor}"):
        raise OSError(errno.ENOSPC, "No space left on device")
    return original(descriptor)
os.fsync = full
"""


def test_a_full_disk_gives_one_line_and_keeps_what_was_written(tmp_path):
    done = run([*TINY, "trainer.checkpoint_every=0"], tmp_path, prelude=FULL)
    assert done.returncode == 2
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_really_full_disk(tmp_path):
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)], capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("a small file system cannot be mounted without root")
    try:
        done = run([*QUICK, f"output_root={place}", "model.d_model=128"], tmp_path)
        assert done.returncode == 2
        assert "No space left on device" in done.stderr
        assert "Traceback" not in done.stderr
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_runs_of_the_same_second_do_not_collide(tmp_path):
    folders = {open_run_folder(tmp_path, "p", "t", "hash") for _ in range(5)}
    assert len(folders) == 5
    assert all(f.is_dir() for f in folders)


def test_a_record_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = write_json(tmp_path / "record.json", {"a": 1})

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_json(path, {"a": 2})
    assert path.read_text() == '{\n "a": 1\n}\n'
    assert list(tmp_path.iterdir()) == [path]


def test_metrics_must_be_finite():
    with pytest.raises(ValueError, match="accuracy"):
        refuse_not_finite(metrics={"loss": 1.0, "accuracy": float("nan")})


@pytest.mark.parametrize(
    ("part", "value", "named"),
    [
        ("metrics", {"accuracy": float("nan")}, "metrics.accuracy"),
        ("curves", {"train_loss": [1.0, float("inf")]}, "curves.train_loss[1]"),
        ("facts", {"sizes": (1.0, float("nan"))}, "facts.sizes[1]"),
    ],
)
def test_a_run_that_gives_no_finite_number_has_failed(elsewhere, monkeypatch, part, value, named):
    from dataclasses import replace

    from papers.s5_ptd.tasks import classify

    original = classify.run
    monkeypatch.setattr(
        classify, "run", lambda context: replace(original(context), **{part: value})
    )
    assert status(QUICK) == 1
    content = record(run_folders(elsewhere)[0])
    assert content["status"] == "failed"
    assert content["reason"] == f"ValueError: not finite: {named}"


def test_a_record_reads_back(tmp_path):
    written = Record("p", "t", "v", "smoke", 3, metrics={"accuracy": 12.5})
    written.write(tmp_path)
    assert Record.read(tmp_path) == written


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metrics": None}, "metrics is missing"),
        ({"mood": "good"}, "mood is unknown"),
        ({"metrics": {"accuracy": float("nan")}}, "metrics.accuracy is not finite"),
        ({"facts": {"a": [1.0, float("-inf")]}}, "facts.a[1] is not finite"),
        ({"metrics": {"accuracy": "high"}}, "metrics is {'accuracy': 'high'}, not of type dict"),
        ({"seed": "3"}, "seed is '3', not of type int"),
        ({"seed": True}, "seed is True, not of type int"),
        ({"curves": {"val": 3.0}}, "curves is"),
        ({"status": "great"}, "status is 'great', none of completed, failed"),
        ({"seed": -1}, "seed is -1, below 0"),
        ({"data": [{"key": "a", "is_paper_data": "no"}]}, "data[0].is_paper_data is 'no'"),
        ({"published": "much"}, "published is 'much'"),
        ({"code": None, "seed": 1.5}, "code is missing; seed is 1.5"),
    ],
)
def test_a_field_that_is_not_right_is_named(tmp_path, change, message):
    path = Record("p", "t", "v", "smoke", 3).write(tmp_path)
    content = json.loads(path.read_text())
    for name, value in change.items():
        if value is None:
            del content[name]
        else:
            content[name] = value
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=re.escape(message)):
        Record.read(tmp_path)


@pytest.mark.parametrize("digest", ["0" * 64, None])
def test_a_record_that_was_changed_by_hand_is_refused(tmp_path, digest):
    path = Record("p", "t", "v", "smoke", 3, metrics={"accuracy": 12.5}).write(tmp_path)
    content = json.loads(path.read_text())
    content["metrics"]["accuracy"] = 92.5
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"record\.json is not what the run wrote"):
        Record.read(tmp_path)
    content["metrics"]["accuracy"] = 12.5
    path.write_text(json.dumps(content))
    assert Record.read(tmp_path).metrics == {"accuracy": 12.5}
    content["sha256"] = digest
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match="its sha256 is"):
        Record.read(tmp_path)


def test_a_record_reads_back_with_keys_that_were_no_strings(tmp_path):
    Record("p", "t", "v", "smoke", 3, facts={10: "ten", 2: "two"}).write(tmp_path)
    assert Record.read(tmp_path).facts == {"10": "ten", "2": "two"}


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema": 99}'])
def test_a_broken_record_is_refused(tmp_path, content):
    (tmp_path / records.NAME).write_text(content)
    with pytest.raises(Exception, match=r"record\.json"):
        Record.read(tmp_path)


def test_the_identity_ignores_where_and_keeps_what(elsewhere):
    status(QUICK)
    status([*QUICK, "trainer.csv=false", "output_root=there", "data.workers=1"])
    status([*QUICK, "train.batch_size=8"])
    hashes = [
        record(f)["config_hash"]
        for f in [*run_folders(elsewhere), *(elsewhere / "there/s5_ptd/lra/listops").iterdir()]
    ]
    assert len(set(hashes)) == 2
