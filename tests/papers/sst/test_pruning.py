"""Pruning of singular values, and the bound on increments."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from common.errors import InvalidInputError
from papers.sst.bound import Matrix, least_error, orthogonal_increment
from papers.sst.methods import Method, apply
from papers.sst.pruning import area, concentration, kept, pruned

S = torch.tensor([4.0, 3.0, 2.0, 1.0])


@pytest.mark.parametrize(
    ("share", "by", "count"),
    [
        (0.4, "sum", 1), (0.41, "sum", 2), (0.7, "sum", 2), (0.9, "sum", 3), (1.0, "sum", 4),
        (0.01, "count", 1), (0.5, "count", 2), (1.0, "count", 4),
    ],
)  # fmt: skip
def test_how_many_are_kept(share, by, count):
    assert kept(S, share, by) == count


def test_a_pruned_layer_is_the_best_of_its_rank():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(9, 7))
    weight = model[0].weight.detach().clone()
    trained = apply(model, Method(rank=2))
    small, share = pruned(model, list(trained.layers), 3 / 7, "count")
    assert share == 3 / 7
    error = float((small[0].weight.detach() - weight).norm())
    assert error == pytest.approx(least_error(weight, 3), rel=1e-5)
    whole, _ = pruned(model, list(trained.layers), 1.0)
    torch.testing.assert_close(whole[0].weight, weight)
    torch.testing.assert_close(model[0].weight(), weight)


def test_the_area_of_a_line():
    model = nn.Sequential(nn.Linear(8, 8))
    ranks = []

    def judge(small):
        ranks.append(int(torch.linalg.matrix_rank(small[0].weight)))
        return float(ranks[-1])

    found, values = area(model, ["0"], [0.25, 0.5, 1.0], judge, "count")
    assert values == [2.0, 4.0, 8.0]
    assert found == pytest.approx((0.25 * 3 + 0.5 * 6) / 0.75)


def test_concentration():
    assert concentration(torch.tensor([1.0, 5.0, *[0.5] * 8])) == 0.5


def test_the_bound_of_an_orthogonal_increment():
    torch.manual_seed(0)
    start, target = orthogonal_increment(16)
    assert least_error(target - start, 4) == pytest.approx(math.sqrt(12))
    assert float(Matrix(start, target).error().detach()) == pytest.approx(4.0)


@pytest.mark.parametrize(
    "call",
    [
        lambda: kept(S, 0.0),
        lambda: kept(S, 1.1),
        lambda: kept(S, 0.5, "energy"),
        lambda: area(nn.Sequential(nn.Linear(2, 2)), ["0"], [1.0], lambda m: 0.0),
        lambda: area(nn.Sequential(nn.Linear(2, 2)), ["0"], [1.0, 0.5], lambda m: 0.0),
        lambda: least_error(torch.eye(2), -1),
    ],
)
def test_refusals(call):
    with pytest.raises(InvalidInputError, match="allowed"):
        call()
