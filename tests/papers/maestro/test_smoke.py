"""One smoke run of each task through the real entry."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.experiment import registry
from tests.papers.resumed import both

ROOT = Path(__file__).parents[3]
GENERATED = ["data_importance", "linear_map", "autoencoder"]
SLOW = ["equivalence", "counting", "copy_reverse"]
# Their data are used when an earlier run, or the person at the keyboard, has brought them.
FETCHED = ["cut_resnet", "cut_from_scratch", "shrinking"]


def test_every_task_is_covered():
    others = {t for t in registry.tasks("maestro") if not t.startswith("trade_off/")}
    assert {*GENERATED, *SLOW, *FETCHED} == others


@pytest.mark.parametrize(
    "task", GENERATED + [pytest.param(t, marks=pytest.mark.slow) for t in SLOW]
)
def test_smoke(task, smoke):
    status, record = smoke(task)
    assert status == 0, record["reason"]
    assert record["metric"] in record["metrics"]


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("task", FETCHED)
def test_smoke_on_fetched_data(task, smoke):
    status, record = smoke(task, f"data.root={ROOT / 'data'}")
    assert status == 0, record["reason"]
    assert record["metric"] in record["metrics"]


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("method", ["dense", "pufferfish", "spectral"])
def test_controls(method, smoke):
    status, record = smoke(
        "shrinking", f"task.method={method}", "task.warmup_epochs=1", f"data.root={ROOT / 'data'}"
    )
    assert status == 0, record["reason"]
    assert (record["metrics"]["parameters_part"] < 0.5) == (method == "pufferfish")


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("step", [1, 3])
def test_a_killed_comparison_measures_what_it_would_have(step, tmp_path):
    """Several trainings share the run: killed in one, and in a later one."""
    whole, resumed = both("maestro", "cut_resnet", [f"data.root={ROOT / 'data'}"], step, tmp_path)
    assert resumed == whole


def test_imagenet_is_said_to_be_missing(smoke):
    status, record = smoke("shrinking", "task.network=resnet50")
    assert status == 2
    assert record["reason"].startswith("ImageNet is missing.")


@pytest.mark.slow
@pytest.mark.data
def test_a_killed_training_drops_the_same(tmp_path):
    """Of 3 x 4 steps killed after the sixth: the same order of ranks, the same that are dropped."""
    arguments = ["train.epochs=3", "task.group_lasso=0.05", "task.least=0.3", "optimizer.lr=0.05"]
    arguments += [f"data.root={ROOT / 'data'}"]
    whole, resumed = both("maestro", "shrinking", arguments, 6, tmp_path)
    assert whole["rank_sum"] < 236
    assert resumed == whole


@pytest.mark.slow
@pytest.mark.data
def test_layers_that_lose_every_component(smoke):
    status, record = smoke(
        "shrinking",
        "task.group_lasso=0.01",
        "task.least=1000",
        "train.epochs=2",
        f"data.root={ROOT / 'data'}",
    )
    assert status == 0, record["reason"]
    assert record["metrics"]["rank_sum"] == 0
    assert record["metrics"]["macs_part"] < 0.01
