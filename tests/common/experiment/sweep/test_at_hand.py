"""Which runs are there already, and what can be done with them."""

from __future__ import annotations

import errno
import json

import pytest

from common.errors import UserError
from common.experiment import locks
from common.experiment.sweep import at_hand
from common.experiment.sweep.at_hand import AtHand
from tests.made import CODE, MODULE, a_run, job


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
        ("failed", ("completed", "diverged"), at_hand.DONE),  # it would diverge again
        ("failed", ("completed",), at_hand.RESUME),  # one has not begun
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
    parts = {"members": dict.fromkeys(("t0", "t1"))}
    folder = a_run(tmp_path, job(9, task="lra"), "000009", whole, {}, config=parts)
    (folder / "members.json").write_text(json.dumps(folders))
    assert AtHand(tmp_path).of(job(9, task="lra")).what == what


def test_a_damaged_record_does_not_hide_a_good_one(tmp_path):
    good = a_run(tmp_path, job(), "000000", "completed")
    (a_run(tmp_path, job(), "000001", "completed") / "record.json").write_text("{")
    assert AtHand(tmp_path).of(job()).folder == good


def test_a_file_system_without_locks_is_told(tmp_path, monkeypatch):
    def flock(file, kind):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", flock)
    with pytest.raises(UserError, match="keeps no locks"), locks.holding(tmp_path / locks.NAME):
        pass
