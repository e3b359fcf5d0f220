"""One smoke run of each task through the real entry."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from common.experiment import registry

ROOT = Path(__file__).parents[3]
GENERATED = ["spectral_layer", "increment_bound", "gap_figures", "translation"]
LIBRARY = ["language_model", "gradient_norms", "sampling_rules"]
FETCHED = ["images/mnist", "images/fashion_mnist"]
GRAPHS = [
    "graph/cora_nodes",
    "graph/cora_links",
    "graph/airport_nodes",
    "graph/airport_links",
    "graph/disease_links",
]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


def test_every_task_is_covered():
    assert {*GENERATED, *LIBRARY, *FETCHED, *GRAPHS} == set(registry.tasks("sst"))


@pytest.mark.parametrize("task", GENERATED)
def test_generated(task, smoke):
    status, record = smoke(task)
    assert status == 0, record["reason"]
    assert record["metric"] in record["metrics"]


@pytest.mark.parametrize(
    "task", [LIBRARY[0], *(pytest.param(t, marks=pytest.mark.slow) for t in LIBRARY[1:])]
)
def test_on_the_library(task, smoke, made):
    pytest.importorskip("tokenizers")
    status, record = smoke(task, f"data.root={made}", "data.download=false")
    assert status == 0, record["reason"]
    assert record["metric"] in record["metrics"]
    assert any("stand-in" in note for note in record["notes"])


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("task", FETCHED)
def test_on_images(task, smoke):
    status, record = smoke(task, f"data.root={ROOT / 'data'}")
    assert status == 0, record["reason"]
    assert record["metrics"]["accuracy"] > 10


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("network", ["hybonet", "hgcn", "hnn"])
@pytest.mark.parametrize("task", GRAPHS)
def test_on_graphs(task, network, smoke, made):
    local = os.environ["STRUCTLAB_DATA"]
    status, record = smoke(
        task, f"data.root={made}", f"data.local_source={local}", f"task.network={network}",
        "task.methods=[lora,sst]",
    )  # fmt: skip
    assert status == 0, record["reason"]
    assert record["metrics"]["full"] > 0


def test_lorentz(smoke):
    status, record = smoke("translation", "task.geometry=lorentz")
    assert status == 0, record["reason"]
    assert record["metrics"]["violation"] < 1e-3


def test_missing_graphs_and_texts_are_told(smoke, made):
    absent = [f"data.root={made}", "data.local_source=null"]
    status, record = smoke("graph/cora_nodes", *absent)
    assert (status, "graphs/cora.npz" in record["reason"]) == (2, True)
    status, record = smoke("language_model", *absent, scale="paper")
    assert (status, "text/openwebtext/" in record["reason"]) == (2, True)


@pytest.mark.parametrize(
    ("task", "setting", "said"),
    [
        ("translation", "task.method=dora", "task.method='dora'; allowed: full"),
        ("translation", "task.geometry=sphere", "allowed: euclidean, lorentz"),
        ("translation", "task.rank=17", "rank=17"),
    ],
)
def test_mistakes_are_told(task, setting, said, smoke):
    status, record = smoke(task, setting)
    assert status == 2
    assert said in record["reason"]
