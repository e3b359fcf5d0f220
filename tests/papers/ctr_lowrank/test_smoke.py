"""One smoke run of each task through the real entry, of each model, and the published shapes."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.experiment import registry

ROOT = Path(__file__).parents[3]
GENERATED = ["ctr/criteo_shaped", "ctr/accounting", "ctr/latency"]
FETCHED = ["ctr/movielens", "ctr/flights"]
OFFICIAL = ["ctr/criteo", "ctr/avazu"]


def test_every_task_is_covered():
    assert {*GENERATED, *FETCHED, *OFFICIAL} == set(registry.tasks("ctr_lowrank"))


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


@pytest.mark.parametrize("task", OFFICIAL)
def test_official_files_are_said_to_be_missing(task, smoke):
    status, record = smoke(task, "data.local_source=null")
    assert status == 2
    assert "No package carries it" in record["reason"]


@pytest.mark.slow
@pytest.mark.parametrize("model", [m for m in registry.models("ctr_lowrank") if m != "deepfm"])
def test_every_model_is_compressed_by_one_switch(model, smoke):
    status, record = smoke("ctr/criteo_shaped", f"model={model}")
    assert status == 0, record["reason"]
    metrics = record["metrics"]
    assert record["variant"] == model
    for name in ("svd", "afm", "afm_act", "emb", "mlp"):
        assert metrics[f"{name}_parameters"] == metrics[f"{name}_parameters_formula"]
        assert 0 <= metrics[f"{name}_auc"] <= 1
    fused = model in ("dcn", "autoint", "xdeepfm")
    assert ("fusion_difference" in metrics) == fused
    if fused:  # 6 fields at rank 2 and 2 numbers: decoded vectors would be no saving
        assert metrics["afm_deep_width"] == 6 * 2 + 2


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("task.variants=[afm,pca]", "task.variants has pca; allowed: svd, afm"),
        ("task.controls=[int8]", "int8 without more"),
        ("task.table_rank=5", "table_rank=5; allowed: 1 to 4"),
        ("model.hidden=[]", "needed is a layer or more"),
    ],
)
@pytest.mark.slow
def test_mistakes_are_explained(override, message, smoke, capsys):
    status, _ = smoke("ctr/criteo_shaped", override, "train.epochs=1")
    assert status == 2
    assert message in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_twenty_steps_of_the_published_shape(smoke):
    """Criteo's sizes on the generated stream: 26 fields of up to 10^6 ids, D 16, layers of 400."""
    status, record = smoke(
        "ctr/criteo_shaped",
        "trainer.max_steps=20",
        "task.dataset.train=200000",
        "task.dataset.val=20000",
        "task.dataset.test=50000",
        "task.variants=[afm]",
        "task.controls=[]",
        "task.sweep_ranks=[64]",
        scale="paper",
    )
    assert status == 0, record["reason"]
    metrics = record["metrics"]
    assert metrics["afm_deep_width"] == 26 * 2 + 13
    assert metrics["afm_times_smaller"] > 3
    assert metrics["fusion_difference"] < 1e-5
