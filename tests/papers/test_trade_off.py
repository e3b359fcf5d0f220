"""A point of the comparison of all methods, by each of them, with the same accounting."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IMAGES = [f"data.root={ROOT / 'data'}"]
BYTES = ["task.budget_of=bytes", "task.budget=0.3"]
PARAMETERS = ["task.budget_of=parameters"]


def holds(record, unit, part):
    assert record["metrics"][f"{unit}_part"] <= 100 * part
    assert record["metrics"]["score"] > 0


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize(
    ("paper", "options", "unit", "part"),
    [
        ("trp", [], "macs", 0.5),
        ("maestro", [], "macs", 0.5),
        ("lr2vq", BYTES, "bytes", 0.3),
        ("trp", ["task.method=svd"], "macs", 0.5),
        ("trp", ["task.method=pruning", *PARAMETERS], "macs", 0.6),
        ("trp", ["task.method=int4", "task.budget=null"], "bytes", 0.16),
        ("trp", ["task.method=small_dense"], "macs", 0.5),
    ],
)
def test_images(paper, options, unit, part, smoke):
    status, record = smoke("trade_off/resnet20", *options, *IMAGES, paper=paper)
    assert status == 0, record["reason"]
    holds(record, unit, part)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("paper", "options", "unit", "part"),
    [
        ("lord", [], "macs", 0.5),
        ("maestro", [], "macs", 0.5),
        ("lr2vq", ["task.budget_of=bytes", "task.budget=0.5"], "bytes", 0.5),
        ("lord", ["task.method=pruning", *PARAMETERS], "parameters", 0.5),
        ("lord", ["task.method=small_dense", *PARAMETERS], "parameters", 0.5),
    ],
)
def test_tokens(paper, options, unit, part, smoke, made):
    pytest.importorskip("tokenizers")
    status, record = smoke("trade_off/gpt", *options, f"data.root={made}", paper=paper)
    assert status == 0, record["reason"]
    holds(record, unit, part)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["task.method=mp3"], "task.method='mp3'; allowed: own, small_dense, svd"),
        (["task.steps=0"], "task.steps=0; allowed: 1 or more"),
        (["task.budget=0.01"], "macs cannot be met"),
        (["task.method=small_dense", "task.budget=0.0001"], "the narrowest model takes more"),
        (["task.method=small_dense", "task.budget=null"], "small_dense needs task.budget"),
    ],
)
def test_refusals(options, message, smoke, made):
    pytest.importorskip("tokenizers")
    status, record = smoke("trade_off/gpt", *options, f"data.root={made}", paper="lord")
    assert status == 2
    assert message in record["reason"]
