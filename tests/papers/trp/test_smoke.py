"""One smoke run of each task through the real entry."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from common.experiment import registry
from tests.papers.resumed import both

ROOT = Path(__file__).parents[3]
GENERATED = ["decomposed_layers", "nuclear_subgradient", "rank_stability"]
# Their data are used when an earlier run, or the person at the keyboard, has brought them.
FETCHED = ["rank_pruning", "from_scratch", "projection_cost"]


def test_every_task_is_covered():
    others = {t for t in registry.tasks("trp") if not t.startswith("trade_off/")}
    assert {*GENERATED, *FETCHED} == others


@pytest.mark.parametrize("task", GENERATED)
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
@pytest.mark.parametrize("step", [1, 3])
def test_a_killed_run_measures_what_it_would_have(step, tmp_path):
    """In the middle of a training, and between two."""
    arguments = [f"data.root={ROOT / 'data'}"]
    whole, killed = both("trp", "rank_pruning", arguments, step, tmp_path)
    assert killed == whole


@pytest.mark.slow
@pytest.mark.data
def test_lambda_0_comes_first(smoke):
    status, record = smoke("rank_pruning", "task.nuclear=[0.3]", f"data.root={ROOT / 'data'}")
    assert status == 2
    assert "allowed: a list from 0.0 on" in record["reason"]


def test_imagenet_is_said_to_be_missing(smoke):
    status, record = smoke("from_scratch", "task.imagenet=true", "task.depth=50")
    assert status == 2
    assert record["reason"].startswith("ImageNet is missing.")


@pytest.mark.slow
@pytest.mark.data
def test_twenty_steps_at_published_shapes(tmp_path):
    """128 images a step, the authors' ResNet-20, projected at the first step."""
    import subprocess
    import sys

    arguments = ["paper=trp", "task=from_scratch", "scale=paper", "trainer.max_steps=20"]
    arguments += ["task.retrain_epochs=0", f"data.root={ROOT / 'data'}", "task.dataset.test=100"]
    done = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), *arguments],
        cwd=tmp_path, capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "outputs" / "trp" / "from_scratch").iterdir()
    record = json.loads((folder / "record.json").read_text())
    assert record["metrics"]["steps"] == 20
    assert record["metrics"]["parameters_dense"] == 272_474
