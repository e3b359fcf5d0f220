"""One smoke run of each task through the real entry."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.experiment import registry
from papers.flora.methods import METHODS

ROOT = Path(__file__).parents[3]
CLOSED = ["tensor_formula", "planted_updates", "convolution_cost"]
FETCHED = ["shifted_images", "real_updates"] + [
    f"sentences/{name}" for name in ("cola", "gloss", "mrpc", "rte", "sst2")
]


def test_every_task_is_covered():
    assert {*CLOSED, *FETCHED} == set(registry.tasks("flora"))


@pytest.mark.parametrize("task", CLOSED)
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
@pytest.mark.parametrize("method", sorted(METHODS))
def test_methods_on_images(method, smoke):
    status, record = smoke("shifted_images", f"task.method={method}", f"data.root={ROOT / 'data'}")
    assert status == 0, record["reason"]
    assert (record["metrics"]["numbers"] == 0) == (method == "none")


@pytest.mark.data
def test_mistakes_are_told(smoke):
    for override, message in (
        ("task.shift=rot45", "task.shift='rot45'; allowed: none, inverted, rot90, blur"),
        ("task.method=lora_view", "task.method='lora_view'; allowed: flora"),
    ):
        status, record = smoke("shifted_images", override, f"data.root={ROOT / 'data'}")
        assert status == 2
        assert message in record["reason"]
