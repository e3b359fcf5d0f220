"""One smoke run of each task through the real entry."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.experiment import registry

ROOT = Path(__file__).parents[3]
CLOSED = ["exactness", "ranks", "floors", "spectra", "sparse_bases", "cost", "peer"]
TRAINED = ["sentences/cola", "sentences/mrpc", "sentences/rte", "sentences/gloss", "alignment"]


def test_every_task_is_covered():
    assert {*CLOSED, *TRAINED, "sentences/sst2", "update_rank"} == set(registry.tasks("randlora"))


@pytest.mark.parametrize("task", CLOSED)
def test_smoke(task, smoke):
    status, record = smoke(task)
    assert status == 0, record["reason"]
    assert record["metric"] in record["metrics"]


@pytest.mark.parametrize("arm", ["a", "b", "full"])
def test_arms_have_their_ranks(arm, smoke):
    status, record = smoke("update_rank", f"task.arm={arm}")
    assert status == 0, record["reason"]
    assert record["variant"] == arm
    assert record["metrics"]["update_rank"] == {"a": 4, "b": 6, "full": 12}[arm]


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("task", TRAINED)
def test_smoke_on_sentences(task, smoke):
    status, record = smoke(task, f"data.root={ROOT / 'data'}")
    assert status == 0, record["reason"]
    assert record["metric"] in record["metrics"]


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("method", ["randlora_a", "randlora_b", "nola", "head", "full", "lora"])
def test_methods(method, smoke):
    status, record = smoke("sentences/sst2", f"task.method={method}", f"data.root={ROOT / 'data'}")
    assert status == 0, record["reason"]
    assert (record["metrics"]["numbers"] == 0) == (method == "head")


def test_mistakes_are_told(smoke):
    status, record = smoke("update_rank", "task.arm=c")
    assert status == 2
    assert "task.arm='c'; allowed: a, b, full" in record["reason"]
    status, record = smoke("sentences/sst2", "task.method=prefix")
    assert status == 2
    assert "task.method='prefix'; allowed: bitfit, dora" in record["reason"]
