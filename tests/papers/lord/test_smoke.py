"""One smoke run of each task through the real entry; sets and the quick model are made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.experiment import registry

pytest.importorskip("tokenizers")
ROOT = Path(__file__).parents[3]
GENERATED = ["output_error", "quantised_factors"]
SLOW = ["lm_features", "rank_sensitivity", "one_shot_cost", "factor_speed", "trainability"]
# Their data are used when an earlier run, or the person at the keyboard, has brought them.
FETCHED = ["encoder_features", "parameter_cuts", "adapters", "monolingual", "pass_at_k"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


def test_every_task_is_covered():
    others = {t for t in registry.tasks("lord") if not t.startswith("trade_off/")}
    assert {*GENERATED, *SLOW, *FETCHED} == others


@pytest.mark.parametrize(
    "task", GENERATED + [pytest.param(task, marks=pytest.mark.slow) for task in SLOW]
)
def test_smoke(task, smoke, made):
    status, record = smoke(task, f"data.root={made}", "data.download=false")
    assert status == 0, record["reason"]
    assert record["metric"] in record["metrics"]
    if task not in ("output_error", "factor_speed"):
        assert record["metrics"]["perplexity"] > record["metrics"]["five_gram_perplexity"]
        assert any("say nothing" in note for note in record["notes"])


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("task", FETCHED)
def test_smoke_on_fetched_data(task, smoke):
    extra = ["task.execute=true"] if task == "pass_at_k" else []
    status, record = smoke(task, f"data.root={ROOT / 'data'}", *extra)
    assert status == 0, record["reason"]
    assert record["metric"] in record["metrics"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "override",
    ["task.method=afm_uncentred", "task.unit=kind"],
)
def test_other_searches(smoke, made, override):
    status, record = smoke("rank_sensitivity", f"data.root={made}", override)
    assert status == 0, record["reason"]
    assert record["metrics"]["cut_1_max"] >= record["metrics"]["cut_1_mean"]


def test_code_is_not_run_unasked(smoke, made):
    status, record = smoke("pass_at_k", f"data.root={made}")
    assert status == 2
    assert "task.execute=true" in record["reason"]


def test_starcoder_is_said_to_be_missing(smoke, made):
    status, record = smoke("one_shot_cost", "scale=paper", f"data.root={made}")
    assert status == 2
    assert "huggingface.co/bigcode/starcoder" in record["reason"]


@pytest.mark.slow
def test_mistakes_are_told(smoke, made):
    for override, message in (
        ("task.unit=block", "task.unit='block'; allowed: layer, kind"),
        ("task.method=pca", "method='pca'; allowed: afm, afm_uncentred, svd"),
        ("task.context=500", "task.context=500; allowed: 0 to the model's 128 positions"),
        ("task.dataset.files=50", "is not what the model of task.weights was trained on"),
    ):
        status, record = smoke("rank_sensitivity", f"data.root={made}", override)
        assert status == 2
        assert message in record["reason"]


@pytest.mark.parametrize(
    ("task", "setting", "said"),
    [
        ("rank_sensitivity", "task.bounds=[]", "task.bounds=[]"),
        ("factor_speed", "task.rounds=0", "task.rounds=0"),
    ],
)
def test_settings_are_refused(task, setting, said, smoke, made):
    status, record = smoke(task, setting, f"data.root={made}")
    assert status == 2
    assert said in record["reason"]
