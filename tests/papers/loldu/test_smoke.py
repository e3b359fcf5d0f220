"""One smoke run of each task through the real entry."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.experiment import registry
from papers.loldu.tasks.sentences import METHODS

ROOT = Path(__file__).parents[3]
ENCODED = ["ldu_identities", "ldu_factors"]
SENTENCES = [f"sentences/{name}" for name in ("cola", "gloss", "mrpc", "rte", "sst2")]


def test_more_atoms_than_rows(smoke):
    status, record = smoke("ldu_capacity", "task.size=8", "task.rank=20")
    assert (status, "allowed: 1 to 8" in record["reason"]) == (2, True)


def test_every_task_is_covered():
    assert {*ENCODED, *SENTENCES, "ldu_capacity"} == set(registry.tasks("loldu"))


def test_smoke(smoke):
    status, record = smoke("ldu_capacity")
    assert status == 0, record["reason"]
    assert record["metric"] in record["metrics"]


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("task", [*ENCODED, *SENTENCES])
def test_smoke_on_the_encoder(task, smoke):
    extra = ["task.rank=32"] if task.startswith("sentences/") else []
    status, record = smoke(task, f"data.root={ROOT / 'data'}", *extra)
    assert status == 0, record["reason"]
    assert record["metric"] in record["metrics"]


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("method", sorted(METHODS))
def test_methods(method, smoke):
    status, record = smoke("sentences/sst2", f"task.method={method}", f"data.root={ROOT / 'data'}")
    assert status == 0, record["reason"]
    assert record["metrics"]["numbers"] == 4 * (384 + (method == "loldu_with_scale"))


def test_mistakes_are_told(smoke):
    status, record = smoke("sentences/sst2", "task.method=loldu_qr")
    assert status == 2
    assert "task.method='loldu_qr'; allowed:" in record["reason"]
