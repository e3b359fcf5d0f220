"""Whatever kills a run, going on gives the bits that an uninterrupted run gives."""

from __future__ import annotations

import shutil
import signal
import time

import pytest
import torch

from common.trainers.checkpoints import checkpoints
from tests.running import TINY, finish, measured, record, run, run_folders, start

# Dropout and a learning-rate schedule are on, so random state and step count both matter.
ARGUMENTS = [*TINY, "model.dropout=0.2"]

KILL = """
import os, signal
from common.trainers import callbacks
original = callbacks.ResumableState.{hook}
def killing(self, trainer, *rest):
    result = original(self, trainer, *rest)
    if trainer.global_step == {step}:
        os.kill(os.getpid(), signal.SIGKILL)
    return result
callbacks.ResumableState.{hook} = killing
"""

KILL_IN_WRITE = """
import os, signal
original, count = os.fsync, 0
def killing(descriptor):
    global count
    if "checkpoints" in os.readlink(f"/proc/self/fd/{{descriptor}}"):
        count += 1
        if count == {write}:
            os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)
    return original(descriptor)
os.fsync = killing
"""


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference")
    done = run(ARGUMENTS, folder)
    assert done.returncode == 0, done.stderr
    return run_folders(folder)[0]


def same_bits(a, b):
    first, second = (torch.load(f / "best.pt", weights_only=True) for f in (a, b))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[k], second[k]) for k in first)
    states = [torch.load(checkpoints(f)[0], weights_only=True) for f in (a, b)]
    for key in states[0]["state_dict"]:
        assert torch.equal(states[0]["state_dict"][key], states[1]["state_dict"][key])
    assert measured(a) == measured(b)


def resume(folder):
    (run_folder,) = run_folders(folder)
    done = run([*ARGUMENTS, f"resume={run_folder}"], folder)
    assert done.returncode == 0, done.stderr
    return run_folder


# 6 steps an epoch: in the middle, at the last step of an epoch, at the first of the next.
@pytest.mark.parametrize(
    ("hook", "step"),
    [
        ("on_train_batch_end", 9),
        pytest.param("on_train_epoch_end", 6, marks=pytest.mark.slow),
        pytest.param("on_train_batch_end", 12, marks=pytest.mark.slow),
    ],
)
def test_kill_9_then_resume_is_bit_identical(tmp_path, reference, hook, step):
    killed = run(ARGUMENTS, tmp_path, prelude=KILL.format(hook=hook, step=step))
    assert killed.returncode == -signal.SIGKILL
    assert record(run_folders(tmp_path)[0])["status"] == "running"
    same_bits(resume(tmp_path), reference)


def test_kill_9_during_a_checkpoint_write(tmp_path, reference):
    killed = run(ARGUMENTS, tmp_path, prelude=KILL_IN_WRITE.format(write=8))
    assert killed.returncode == -signal.SIGKILL
    same_bits(resume(tmp_path), reference)


@pytest.mark.slow
def test_kill_9_before_the_first_checkpoint(tmp_path, reference):
    killed = run(ARGUMENTS, tmp_path, prelude=KILL_IN_WRITE.format(write=1))
    assert killed.returncode == -signal.SIGKILL
    same_bits(resume(tmp_path), reference)


@pytest.mark.parametrize(
    "signum", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGTERM]
)
def test_a_signal_in_mid_epoch_is_recorded_and_resumable(tmp_path, reference, signum):
    slow = "import time\nfrom common.trainers import callbacks\n" + (
        "callbacks.ResumableState.on_train_batch_start = lambda *a: time.sleep(0.3)"
    )
    process = start(ARGUMENTS, tmp_path, prelude=slow)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        runs = run_folders(tmp_path) if (tmp_path / "outputs").exists() else []
        if runs and len(checkpoints(runs[0])) >= 2:
            break
        time.sleep(0.05)
    process.send_signal(signum)
    done = finish(process)
    assert done.returncode == 130
    (run_folder,) = run_folders(tmp_path)
    assert record(run_folder)["status"] == "interrupted"
    assert signum.name in record(run_folder)["reason"]
    assert f"resume=outputs/s5_ptd/lra/listops/{run_folder.name}" in done.stderr
    assert "Traceback" not in done.stderr
    same_bits(resume(tmp_path), reference)


@pytest.mark.slow
def test_same_seed_same_bits(tmp_path, reference):
    run(ARGUMENTS, tmp_path)
    same_bits(run_folders(tmp_path)[0], reference)


def test_two_checkpoints_are_kept_and_load_safely(reference):
    found = checkpoints(reference)
    assert len(found) == 2
    for path in found:
        torch.load(path, weights_only=True)


def truncate(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def test_a_corrupt_checkpoint_is_refused_and_the_one_before_offered(tmp_path, reference):
    run_folder = tmp_path / "outputs/s5_ptd/lra/listops" / reference.name
    shutil.copytree(reference, run_folder)
    newest, older = checkpoints(run_folder)
    truncate(newest)
    refused = run([*ARGUMENTS, f"resume={run_folder}"], tmp_path)
    assert refused.returncode == 2
    assert newest.name in refused.stderr
    assert older.name in refused.stderr
    assert "Traceback" not in refused.stderr
    newest.unlink()
    assert run([*ARGUMENTS, f"resume={run_folder}"], tmp_path).returncode == 0


def test_a_resume_with_another_configuration_names_the_keys(tmp_path, reference):
    refused = run([*ARGUMENTS, "train.batch_size=8", f"resume={reference}"], tmp_path)
    assert refused.returncode == 2
    assert "train.batch_size: 16 there, 8 here" in refused.stderr


def test_a_folder_without_a_record_cannot_be_resumed(tmp_path):
    refused = run([*ARGUMENTS, f"resume={tmp_path}"], tmp_path)
    assert refused.returncode == 2
    assert "not a run folder" in refused.stderr
