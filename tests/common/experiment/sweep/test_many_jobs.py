"""Many jobs, and tasks made of tasks."""

from __future__ import annotations

import json

import pytest

from tests.running import record, run, run_folders

QUICK = ["task=lra/listops", "scale=smoke", "trainer.threads=1"]
BREAK_SEED_1 = """
from papers.s5_ptd.tasks import classify
original = classify.build
def sometimes(model, data, basis):
    import torch
    if torch.initial_seed() == 1:
        raise RuntimeError("planted")
    return original(model, data, basis)
classify.build = sometimes
"""


def test_a_sweep_goes_on_past_a_failed_job(tmp_path):
    done = run(["-m", *QUICK, "seed=0,1,2"], tmp_path, prelude=BREAK_SEED_1)
    assert done.returncode == 1
    records = {record(f)["seed"]: record(f) for f in run_folders(tmp_path)}
    assert {s: r["status"] for s, r in records.items()} == {
        0: "completed",
        1: "failed",
        2: "completed",
    }
    assert "planted" in records[1]["traceback"]
    assert "3 runs: 2 completed, 1 failed" in done.stdout
    assert "planted" in done.stdout


def test_a_mistake_in_a_sweep_is_found_before_the_first_job(tmp_path):
    done = run(["-m", *QUICK, "seed=0,abc"], tmp_path)
    assert done.returncode == 2
    assert "could not be converted" in done.stderr
    assert not (tmp_path / "outputs").exists()


BREAK_RETRIEVAL = """
from papers.s5_ptd.tasks import classify
original = classify.build
def sometimes(model, data, basis):
    if data.train.inputs.ndim == 3 and data.channels is None:
        {action}
    return original(model, data, basis)
classify.build = sometimes
"""


def members(folder):
    return json.loads((folder / "members.json").read_text())


def test_lra_runs_what_it_can_and_resumes_what_it_could_not(tmp_path):
    arguments = ["task=lra", "task.members=[lra/listops,lra/text,lra/retrieval]", "scale=smoke",
                 "trainer.threads=1", "data.local_source=null", "data.download=false"]  # fmt: skip
    killed = run(
        arguments,
        tmp_path,
        prelude=BREAK_RETRIEVAL.format(action="import os; os.kill(os.getpid(), 9)"),
    )
    assert killed.returncode == -9
    (whole,) = (f for f in (tmp_path / "outputs/s5_ptd/lra").iterdir() if f.name[0].isdigit())
    first = members(whole)
    assert list(first) == ["lra/listops", "lra/text", "lra/retrieval"]

    done = run([*arguments, f"resume={whole}"], tmp_path)
    assert done.returncode == 0, done.stderr
    content = record(whole)
    assert content["status"] == "completed"
    assert list(members(whole)) == list(first)
    assert members(whole)["lra/listops"] == first["lra/listops"]
    statuses = {t: record(tmp_path / f)["status"] for t, f in members(whole).items()}
    assert statuses["lra/text"] == "not run"
    assert statuses["lra/retrieval"] == "completed"
    assert "not run" in done.stdout
    assert "average" not in content["metrics"]

    refused = run([*arguments, "model=s5", f"resume={whole}"], tmp_path)
    assert refused.returncode == 2
    assert "lra/listops: model.name: s5_ptd there, s5 here" in refused.stderr
    assert record(whole) == content

    lost = run(["task=lra/listops", *arguments[2:], f"resume={whole}"], tmp_path)
    assert lost.returncode == 2
    assert "resumed with the composite's own task" in lost.stderr


def test_a_job_that_cannot_be_run_is_counted_and_the_others_go_on(tmp_path):
    """A bad seed opens no folder; a bad size is found only when the model is built."""
    done = run(["-m", *QUICK, "model.state_size=10,8", "seed=-1,0"], tmp_path)
    assert done.returncode == 1
    statuses = sorted(record(f)["status"] for f in run_folders(tmp_path))
    assert statuses == ["completed", "failed"]
    assert "4 runs: 2 refused, 1 failed, 1 completed" in done.stdout
    assert "seed=-1 is out of range; allowed: 0 to" in done.stdout
    (failed,) = (r for r in map(record, run_folders(tmp_path)) if r["status"] == "failed")
    assert "not divisible" in failed["reason"]
    assert "Traceback" in failed["traceback"]


CORRUPT = """
from common.data import planted_keys, retrieval
from common.errors import CorruptDataError
def broken(*_):
    raise CorruptDataError("pairs.npz is damaged")
retrieval.load = broken
"""


@pytest.mark.slow
def test_corrupt_data_of_one_task_leave_the_others_alone(tmp_path):
    done = run(["task=lra", "task.members=[lra/retrieval,lra/listops]", "scale=smoke",
                "trainer.threads=1", "data.local_source=null", "data.download=false"],
               tmp_path, prelude=CORRUPT)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "pairs.npz is damaged" in done.stdout
    assert record(run_folders(tmp_path)[0])["status"] == "completed"
    assert record(run_folders(tmp_path, "lra/retrieval")[0])["status"] == "not run"
