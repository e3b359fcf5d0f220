"""One smoke run of each task, and of each method, through the real entry."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.experiment import registry
from papers.lr2vq.tasks.settings import METHODS
from tests.papers.resumed import both

ROOT = Path(__file__).parents[3]
GENERATED = ["sizes_of_networks", "block_form"]
# Their data are used when an earlier run, or the person at the keyboard, has brought them.
FETCHED = ["quantise", "error_identity"]


def test_every_task_is_covered():
    others = {t for t in registry.tasks("lr2vq") if not t.startswith("trade_off/")}
    assert {*GENERATED, *FETCHED} == others


@pytest.mark.parametrize(
    "task", ["block_form", pytest.param("sizes_of_networks", marks=pytest.mark.slow)]
)
def test_smoke(task, smoke):
    status, record = smoke(task)
    assert status == 0, record["reason"]
    assert record["metric"] in record["metrics"]


@pytest.mark.slow
@pytest.mark.data
def test_error_identity(smoke):
    status, record = smoke("error_identity", f"data.root={ROOT / 'data'}")
    assert status == 0, record["reason"]
    assert record["metrics"]["identity_error"] < 1e-6


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("method", METHODS)
def test_methods(method, smoke):
    status, record = smoke("quantise", f"task.method={method}", f"data.root={ROOT / 'data'}")
    assert status == 0, record["reason"]
    assert record["metrics"]["factor"] > 1


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize(
    "option",
    [
        "frozen=true",
        "distil=true",
        "reassign_every=1",
        "order=along_in",
        "literature=true",
        "regime=large",
        "regime=small task.method=bgd",
        "regime=large task.method=pretrain_lowrank",
    ],
)
def test_options(option, smoke):
    status, record = smoke("quantise", *f"task.{option}".split(), f"data.root={ROOT / 'data'}")
    assert status == 0, record["reason"]


def test_refused_before_anything_is_loaded(smoke):
    status, record = smoke("quantise", "task.words=0")
    assert status == 2
    assert "task.words=0; allowed" in record["reason"]


@pytest.mark.slow
@pytest.mark.data
def test_more_dimensions_than_a_subvector_has(smoke):
    status, record = smoke("quantise", "task.dim=9", f"data.root={ROOT / 'data'}")
    assert status == 2
    assert "dim=9; allowed: 1 to the size" in record["reason"]


@pytest.mark.slow
@pytest.mark.data
def test_a_killed_training_goes_on_alike(tmp_path):
    """With codes given anew, from shadow weights that the checkpoint keeps."""
    arguments = ["task.reassign_every=1", "train.epochs=3", "trainer.max_steps=10"]
    arguments += [f"data.root={ROOT / 'data'}"]
    whole, resumed = both("lr2vq", "quantise", arguments, 6, tmp_path)
    assert resumed == whole


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("step", [1, 3])
def test_a_training_in_two_phases_resumes_in_either(step, tmp_path):
    arguments = ["task.method=pretrain_lowrank", f"data.root={ROOT / 'data'}"]
    whole, resumed = both("lr2vq", "quantise", arguments, step, tmp_path)
    assert whole["steps"] == 4
    assert resumed == whole
