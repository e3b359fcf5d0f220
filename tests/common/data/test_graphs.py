"""Graphs: splits, adjacency, refusals; the genuine sets where they are at hand."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from common.data import graphs
from common.data.catalogue import available, load
from common.data.context import DataContext
from common.data.prepared import content_sha256
from common.data.specs import GraphSpec
from common.errors import CorruptDataError, MissingDataError, UserError


@pytest.fixture
def small(tmp_path, monkeypatch):
    """An Airport of 60 nodes, pinned in place of the genuine one."""
    rng = np.random.default_rng(0)
    pairs = {tuple(sorted(p)) for p in rng.integers(0, 60, (150, 2)).tolist() if p[0] != p[1]}
    arrays = {
        "edges": np.array(sorted(pairs), dtype=np.int32),
        "features": rng.uniform(0.8, 1.5, (60, 5)).astype(np.float32),
    }
    local = tmp_path / "local" / "graphs"
    local.mkdir(parents=True)
    np.savez(local / "airport.npz", **arrays)
    one = replace(graphs._GRAPHS["airport"], content_sha256=content_sha256(arrays), nodes=60)
    monkeypatch.setitem(graphs._GRAPHS, "airport", one)
    return DataContext(tmp_path / "root", tmp_path / "local"), arrays


def test_nodes(small):
    context, arrays = small
    data = load(GraphSpec("airport"), context)
    parts = torch.cat([data.nodes[s] for s in ("train", "val", "test")])
    assert sorted(parts.tolist()) == list(range(60))
    assert {s: len(p) for s, p in data.nodes.items()} == {"train": 42, "val": 9, "test": 9}
    np.testing.assert_array_equal(data.features, arrays["features"][:, :4])
    bins = [sum(x >= edge for edge in (1, 8 / 7, 9 / 7)) for x in arrays["features"][:, 4]]
    assert data.labels.tolist() == bins
    assert len(data.edges) == len(arrays["edges"])
    other = load(GraphSpec("airport", split_seed=1), context)
    assert other.nodes["test"].tolist() != data.nodes["test"].tolist()
    assert other.content_sha256 == data.content_sha256


def test_links(small):
    context, arrays = small
    data = load(GraphSpec("airport", "links", val=0.05, test=0.1), context)
    every = {tuple(e) for e in arrays["edges"].tolist()}
    held = {s: {tuple(sorted(e)) for e in a.tolist()} for s, (a, _) in data.links.items()}
    assert held["train"] | held["val"] | held["test"] == every
    assert sum(map(len, held.values())) == len(every)
    assert {tuple(e) for e in data.edges.tolist()} == held["train"]
    unlinked = [tuple(e) for s in ("val", "test") for e in data.links[s][1].tolist()]
    assert len(set(unlinked)) == len(unlinked)
    assert not set(unlinked) & every
    for split in ("val", "test"):
        assert len(data.links[split][0]) == len(data.links[split][1]) > 0


def test_adjacency_against_a_dense_one(small):
    context, _ = small
    data = load(GraphSpec("airport", "links"), context)
    dense = torch.eye(60)
    for i, j in data.edges.tolist():
        dense[i, j] = dense[j, i] = 1
    dense /= dense.sum(1, keepdim=True)
    torch.testing.assert_close(data.adjacency().to_dense(), dense)


def test_draws_of_unlinked_pairs():
    edges = torch.tensor([[0, 1], [3, 2]])
    drawn = graphs.unlinked_pairs(edges, 4, 4, seed=0)
    assert sorted(map(tuple, drawn.tolist())) == [(0, 2), (0, 3), (1, 2), (1, 3)]
    assert torch.equal(drawn, graphs.unlinked_pairs(edges, 4, 4, seed=0))
    a, b = (graphs.unlinked_pairs(edges, 100, 20, seed=0, block=k) for k in (0, 1))
    assert not torch.equal(a, b)


def test_what_is_missing_is_told(tmp_path):
    context = DataContext(tmp_path)
    assert "put it as" in available(GraphSpec(), context)
    with pytest.raises(MissingDataError, match=r"graphs/cora\.npz.*edges"):
        load(GraphSpec(), context)


def test_another_graph_is_refused(small, tmp_path):
    context, arrays = small
    arrays["edges"] = arrays["edges"][1:]
    np.savez(tmp_path / "local" / "graphs" / "airport.npz", **arrays)
    with pytest.raises(CorruptDataError, match="does not hold Airport"):
        load(GraphSpec("airport"), context)
    (tmp_path / "local" / "graphs" / "airport.npz").write_bytes(b"PK")
    with pytest.raises(CorruptDataError, match="not a whole"):
        load(GraphSpec("airport"), context)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (GraphSpec("pubmed"), "'cora' or 'airport' or 'disease'"),
        (GraphSpec(task="edges"), "'nodes' or 'links'"),
        (GraphSpec("disease"), "no features"),
        (GraphSpec(val=0.5), "val is 0.5; allowed: above 0 and below 0.5"),
    ],
)
def test_refusals(spec, message, tmp_path):
    with pytest.raises(UserError, match=message):
        load(spec, DataContext(tmp_path))


@pytest.mark.data
def test_the_genuine_sets(tmp_path):
    context = DataContext(tmp_path, Path(os.environ["STRUCTLAB_DATA"]))
    cora = load(GraphSpec(), context)
    assert (cora.features.shape, len(cora.edges)) == ((2708, 1433), 5278)
    assert {s: len(p) for s, p in cora.nodes.items()} == {"train": 140, "val": 500, "test": 1000}
    assert torch.bincount(cora.labels[cora.nodes["train"]]).tolist() == [20] * 7
    torch.testing.assert_close(cora.features.sum(1), torch.ones(2708))
    airport = load(GraphSpec("airport"), context)
    assert torch.bincount(airport.labels).tolist() == [521, 1443, 999, 225]
    disease = load(GraphSpec("disease", "links"), context)
    assert torch.bincount(disease.labels).tolist() == [1605, 1060]
