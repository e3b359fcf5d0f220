"""Trainings on graphs: the epoch that counts, the pairs that are drawn."""

from __future__ import annotations

import torch

from common.data.graphs import GraphData
from papers.sst.graph_training import Best, GraphProblem, fit
from papers.sst.hyperbolic.graph_nets import build
from papers.sst.methods import Method
from papers.sst.training import Recipe


def ring(task):
    """30 nodes in two rings of 15; a feature tells a node's neighbourhood by and large."""
    edges = torch.tensor([sorted((i + r, (i + 1) % 15 + r)) for r in (0, 15) for i in range(15)])
    labels = torch.arange(30) // 15
    features = torch.nn.functional.one_hot(labels, 4).float()
    features += 0.3 * torch.randn(30, 4, generator=torch.Generator().manual_seed(0))
    nodes, links = {}, {}
    if task == "nodes":
        order = torch.randperm(30, generator=torch.Generator().manual_seed(1))
        nodes = {"train": order[:10], "val": order[10:20], "test": order[20:]}
    else:
        apart = torch.tensor([[i, i + 15] for i in range(10)])
        held = edges[[0, 4, 8, 12, 16, 20, 24, 28]]
        left = [i for i in range(30) if i % 4 or i > 28]
        links = {"train": (edges[left], apart[:0]), "val": (held[:4], apart[:4])}
        links["test"] = (held[4:], apart[4:8])
        edges = edges[left]
    return GraphData("ring", features, labels, 2, edges, nodes, links, "", "", "")


def test_the_first_best_epoch_counts():
    best, asked = Best(), []
    for epoch, val in enumerate([50.0, 70.0, 70.0, 60.0]):

        def score(split, epoch=epoch, val=val):
            asked.append((epoch, split))
            return val if split == "val" else 10.0 * epoch

        best.see(epoch, score)
    assert (best.val, best.test, best.epoch) == (70.0, 10.0, 1)
    assert (2, "test") not in asked


def test_unlinked_pairs_are_no_training_edges_and_change():
    problem = GraphProblem(ring("links"), 0, torch.device("cpu"))
    known = {tuple(e) for e in problem.data.edges.tolist()}
    first, second = (problem.unlinked(25, epoch) for epoch in (0, 1))
    for pairs in (first, second):
        assert pairs.shape == (25, 2)
        assert not {tuple(p) for p in pairs.tolist()} & known
        assert bool((pairs[:, 0] < pairs[:, 1]).all())
    assert not torch.equal(first, second)
    assert torch.equal(first, problem.unlinked(25, 0))


def test_every_network_learns_both_tasks():
    for task in ("nodes", "links"):
        for network in ("hybonet", "hgcn"):
            torch.manual_seed(0)
            problem = GraphProblem(ring(task), 0, torch.device("cpu"))
            model = build(network, 4, 2 if task == "nodes" else 0, width=6, layers=2)
            method = Method(rank=2, iteration_steps=10, restart_warmup=1)
            fit(problem, model, method, Recipe(60, 0.02, decay=False, clip=1.0))
            scores = [problem.judge(model, problem.embed(model), s) for s in ("val", "test")]
            assert min(scores) > 90, (task, network)


def test_dropout_is_off_when_a_network_is_judged():
    problem = GraphProblem(ring("nodes"), 0, torch.device("cpu"))
    torch.manual_seed(0)
    model = build("hybonet", 4, 2, width=6, layers=2, dropout=0.9)
    best = fit(problem, model, Method("full"), Recipe(5, 0.01))
    assert not model.training
    assert best.val == max(best.val, problem.judge(model, problem.embed(model), "val"))
