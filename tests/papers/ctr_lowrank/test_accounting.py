"""Closed forms against the modules' own parameters, and the published sizes."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from common.compression.costs import parameters as counted
from papers.ctr_lowrank.accounting import Shape, deep_width, parameters
from papers.ctr_lowrank.compression import Plan, compress, statistics
from papers.ctr_lowrank.models.ctr import MODELS
from papers.ctr_lowrank.published import CASES, criteo_shaped
from papers.ctr_lowrank.tasks.accounting import compressed_model, dense_model
from tests.papers.ctr_lowrank.small import NUMBERS, VOCABULARIES, config, model, rows

PLANS = [
    Plan(table_rank=2),
    Plan(layer_rank=3),
    Plan(table_rank=2, layer_rank=3),
    Plan(table_rank=2, layer_rank=3, fuse=False),
    Plan("svd", table_rank=2, layer_rank=3, activation=True),
]


@pytest.mark.parametrize("name", MODELS)
def test_formula_as_counted(name):
    made, shape = model(name), Shape.of(config(name), VOCABULARIES, NUMBERS)
    assert parameters(shape) == counted(made)
    found = statistics(made, [rows()])
    for plan in PLANS:
        small = compress(made, found, plan)
        assert parameters(shape, plan) == counted(small)
        assert deep_width(shape, plan) == small.mlp.layers[0].in_features


# Dense and compressed parameters by hand: tables, first order, layers, decoders, biases.
SIZES = {
    ("movielens", 4): (226_540, 44_212),
    ("avazu", 8): (490_418_596, 87_673_588),
    ("avazu", 24): (490_418_596, 239_049_492),
    ("avazu", 4): (490_418_596, 49_829_612),
    ("criteo", 2): (17_493_215, 3_131_391),
}


@pytest.mark.parametrize(("name", "rank"), SIZES)
def test_published_sizes(name, rank):
    case, plan = CASES[name], CASES[name].plan(rank)
    dense, small = dense_model(case), compressed_model(case, plan)
    assert (counted(dense), counted(small)) == SIZES[name, rank]
    assert (parameters(case.shape), parameters(case.shape, plan)) == SIZES[name, rank]
    assert dense.tables.weight.device == torch.device("meta")


def test_vocabularies_that_add_up():
    sizes = criteo_shaped(1_000_000)
    assert (len(sizes), sum(sizes)) == (26, 1_000_000)
    assert sizes[0] == 10
    assert all(a < b for a, b in pairwise(sizes))
