"""Sampling, penalty, importance, shrinking, and the objective."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from common.compression.costs import macs
from common.errors import InvalidInputError
from papers.maestro.layers import OrderedLinear
from papers.maestro.lod import (
    AcrossLayers,
    OneLayer,
    at_widths,
    decompose,
    importance,
    penalty,
    shrink,
    suffix_norms,
)
from papers.maestro.models import OrderedDecomposition
from papers.maestro.networks import LeNet
from papers.maestro.pufferfish import to_fixed_rank
from papers.maestro.ranks import (
    at_ranks,
    by_importance,
    by_part,
    ordered_layers,
)
from papers.maestro.step_cost import StepCost


@pytest.fixture
def layers():
    return [OrderedLinear(nn.Linear(7, 5)), OrderedLinear(nn.Linear(5, 3))]


def generator():
    return torch.Generator().manual_seed(0)


def test_every_pair_once_before_any_again(layers):
    sampler = OneLayer(layers, generator())
    pairs = {(i, b) for i, layer in enumerate(layers) for b in range(1, layer.rank + 1)}
    for _ in range(2):
        seen = []
        for _ in range(8):
            (drawn,) = sampler().items()
            seen.append((layers.index(drawn[0]), drawn[1]))
        assert set(seen) == pairs
        assert len(seen) == 8


def test_integers_reach_every_rank():
    # Ranks 84 and 120: recovering b from b / r by floating point misses some.
    for rank in (84, 120):
        layer = OrderedLinear(nn.Linear(rank, rank))
        sampler = OneLayer([layer], generator())
        assert {sampler()[layer] for _ in range(rank)} == set(range(1, rank + 1))


def test_a_rank_for_every_layer(layers):
    sampler = AcrossLayers(layers, generator())
    drawn = [sampler() for _ in range(200)]
    assert all(set(d) == set(layers) for d in drawn)
    assert {d[layers[0]] for d in drawn} == {1, 2, 3, 4, 5}


def test_rank_zero_is_not_sampled(layers):
    layers[0].keep(torch.zeros(5, dtype=torch.bool))
    sampler = OneLayer(layers, generator())
    assert all(layers[0] not in sampler() for _ in range(9))
    assert layers[0] not in AcrossLayers(layers, generator())()
    layers[1].keep(torch.zeros(3, dtype=torch.bool))
    assert OneLayer(layers, generator())() == {}


def by_loops(U, V):
    """The double sum as the paper writes it, O(r^2)."""
    r = U.shape[1]
    return sum(
        sum(float(f[:, j].square().sum()) for j in range(b, r)) ** 0.5
        for f in (U, V)
        for b in range(r)
    )


def test_penalty_against_the_double_sum(layers):
    expected = sum(by_loops(layer.U.detach(), layer.V.detach()) for layer in layers)
    assert float(penalty(layers).detach()) == pytest.approx(expected, rel=1e-5)
    flat = sum(
        float((layer.U.norm(dim=0).sum() + layer.V.norm(dim=0).sum()).detach()) for layer in layers
    )
    assert float(penalty(layers, hierarchical=False).detach()) == pytest.approx(flat, rel=1e-5)


def test_penalty_pushes_late_columns_hardest():
    factor = torch.ones(2, 4, requires_grad=True)
    suffix_norms(factor).sum().backward()
    sizes = factor.grad.norm(dim=0)
    assert (sizes[1:] > sizes[:-1]).all()


def test_penalty_has_a_gradient_at_zero():
    factor = torch.randn(3, 4)
    factor[:, 2:] = 0
    factor.requires_grad_()
    suffix_norms(factor).sum().backward()
    assert torch.isfinite(factor.grad).all()
    assert not factor.grad[:, 2:].any()


def test_importance_is_of_suffixes(layers):
    layer = layers[0]
    U, V = layer.U.detach(), layer.V.detach()
    expected = [float(U[:, b:].norm() * V[:, b:].norm()) for b in range(5)]
    assert importance(layer).tolist() == pytest.approx(expected, rel=1e-5)
    columns = [float(U[:, b].norm() * V[:, b].norm()) for b in range(5)]
    assert importance(layer, hierarchical=False).tolist() == pytest.approx(columns, rel=1e-5)


def test_shrinking_drops_a_suffix_and_never_grows(layers):
    values = importance(layers[0]).tolist()
    least = (values[2] + values[3]) / 2
    dropped = shrink(layers[:1], least)
    assert (dropped, layers[0].rank) == (2, 3)
    assert layers[0].kept.tolist() == [True, True, True, False, False]
    assert shrink(layers[:1], 0.0) == 0
    assert layers[0].rank == 3
    shrink(layers[:1], 1e9)
    assert layers[0].rank == 0


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(6, 8), nn.Linear(8, 4)

    def forward(self, x):
        return self.two(torch.relu(self.one(x)))


def test_the_objective_in_words():
    model = Small()
    layers = list(decompose(model).values())
    x, y = torch.randn(5, 6), torch.randint(4, (5,))
    method = OrderedDecomposition(model, layers, group_lasso=0.1, seed=3)
    widths = OneLayer(layers, torch.Generator().manual_seed(3))()
    full = model(x)
    with at_widths(widths):
        partial = model(x)
    teacher = full.detach().softmax(-1)
    distilled = -(teacher * partial.log_softmax(-1)).sum(1).mean()
    expected = F.cross_entropy(full, y) + distilled + 0.1 * penalty(layers)
    torch.testing.assert_close(method(x, y), expected)


def test_the_teacher_gets_no_gradient():
    model = Small()
    layers = list(decompose(model).values())
    x, y = torch.randn(5, 6), torch.randint(4, (5,))
    method = OrderedDecomposition(model, layers, seed=3)
    method(x, y).backward()
    found = {n: p.grad.clone() for n, p in model.named_parameters()}
    model.zero_grad()
    widths = OneLayer(layers, torch.Generator().manual_seed(3))()
    F.cross_entropy(model(x), y).backward()
    with torch.no_grad():
        teacher = model(x).softmax(-1)
    with at_widths(widths):
        F.cross_entropy(model(x), teacher).backward()
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(found[name], parameter.grad)


def test_without_the_full_pass_the_labels_teach():
    model = Small()
    layers = list(decompose(model).values())
    x, y = torch.randn(5, 6), torch.randint(4, (5,))
    method = OrderedDecomposition(model, layers, full_pass=False, seed=3)
    with at_widths(OneLayer(layers, torch.Generator().manual_seed(3))()):
        expected = F.cross_entropy(model(x), y)
    torch.testing.assert_close(method(x, y), expected)


@pytest.mark.parametrize("given", [{"sampling": "some"}, {"group_lasso": -1.0}, {"least": -1.0}])
def test_refused(given):
    with pytest.raises(InvalidInputError, match="allowed"):
        OrderedDecomposition(Small(), [], **given)


def test_the_state_goes_on_where_it_was():
    model = Small()
    layers = list(decompose(model).values())
    one = OrderedDecomposition(model, layers, seed=1)
    for _ in range(3):
        one.sampler()
    state = one.state_dict()
    expected = [one.sampler() for _ in range(15)]
    other = OrderedDecomposition(model, layers, seed=7)
    other.load_state_dict(state)
    assert [other.sampler() for _ in range(15)] == expected


def test_deployment():
    torch.manual_seed(0)
    model = LeNet()
    decompose(model)
    layers, x = ordered_layers(model), torch.randn(2, 1, 28, 28)
    whole = at_ranks(model, {n: layer.rank for n, layer in layers.items()})
    torch.testing.assert_close(whole(x), model(x), rtol=1e-4, atol=1e-5)
    assert not ordered_layers(whole)
    half = by_part(layers, 0.5)
    assert list(half.values()) == [3, 8, 60, 42, 5]


def test_batch_norms_are_taken_anew_at_each_choice_of_ranks():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8))
    decompose(model)
    images = [torch.randn(16, 3, 8, 8)]
    full, cut = (at_ranks(model, {"0": rank}, images) for rank in (8, 2))
    assert not torch.allclose(full[1].running_var, cut[1].running_var)
    for network in (full, cut):
        out = network[1](network[0](images[0]))
        assert out.mean((0, 2, 3)).abs().max() < 1e-4


def test_pufferfish_keeps_the_ends():
    model = LeNet()
    found = to_fixed_rank(model, 0.25, first_dense=1)
    assert list(found) == ["conv2", "fc1", "fc2"]
    assert [layer.rank for layer in found.values()] == [4, 30, 21]
    with pytest.raises(InvalidInputError, match="leaves no layer"):
        to_fixed_rank(LeNet(), first_dense=4)
    with pytest.raises(InvalidInputError, match="ratio=0"):
        to_fixed_rank(LeNet(), 0)


def test_sampling_of_a_layer_finds_the_decomposition_of_a_map():
    """The map of M1, with the layer, the sampler and the block that the method uses."""
    torch.manual_seed(123)
    target = (torch.randn(9, 3) @ torch.randn(3, 6)).double()  # rows of the identity -> rows of C
    layer = OrderedLinear(nn.Linear(9, 6, bias=False).double())
    with torch.no_grad():
        layer.left.normal_(0, 0.3)
        layer.right.normal_(0, 0.3)
    sampler, inputs = OneLayer([layer], generator()), torch.eye(9, dtype=torch.float64)
    update = torch.optim.SGD(layer.parameters(), lr=0.5)
    for _ in range(4000):
        with at_widths(sampler()):
            loss = F.mse_loss(layer(inputs), target)
        update.zero_grad()
        loss.backward()
        update.step()
    U, S, Vh = torch.linalg.svd(target.mT)
    for width in range(1, 7):
        best = (U[:, :width] * S[:width]) @ Vh[:width]
        found = (layer.U[:, :width] @ layer.V[:, :width].mT).detach()
        assert float((found - best).square().sum()) <= 1e-3 * float(target.square().sum())


def test_one_threshold_within_a_budget():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 4))
    decompose(model)
    layers = ordered_layers(model)
    units, dense = {"0": 16, "1": 12}, {"0": 64, "1": 32}

    def cost(ranks):
        return sum(min(units[n] * rank, dense[n]) for n, rank in ranks.items())

    for allowance in (28, 40, 60, 96):
        ranks = by_importance(layers, units, dense, allowance)
        assert min(ranks.values()) >= 1
        assert cost(ranks) <= allowance
        left_out = torch.cat([importance(layers[n])[r:] for n, r in ranks.items()])
        if len(left_out):  # all components down to the next one would cost too much
            threshold = float(left_out.max())
            more = {n: max(1, int((importance(x) >= threshold).sum())) for n, x in layers.items()}
            assert cost(more) > allowance
    assert by_importance(layers, units, dense, 96) == {"0": 8, "1": 4}  # both multiplied back
    with pytest.raises(InvalidInputError, match="27 cannot be met"):
        by_importance(layers, units, dense, 27)


def test_costs_of_a_step_are_the_average_over_what_is_sampled():
    units, rest, ranks = [7, 11], 100, [3, 2]
    whole = rest + 7 * 3 + 11 * 2
    one = [whole - 7 * (3 - b) for b in (1, 2, 3)] + [whole - 11 * (2 - b) for b in (1, 2)]
    every = [rest + 7 * a + 11 * b for a in (1, 2, 3) for b in (1, 2)]
    for sampling, narrow in (("one_layer", one), ("across_layers", every)):
        mean = sum(narrow) / len(narrow)
        assert StepCost(units, rest, sampling, True).at(ranks) == pytest.approx(whole + mean)
        assert StepCost(units, rest, sampling, False).at(ranks) == pytest.approx(mean)
    assert StepCost(units, rest, "none", True).at(ranks) == whole
    assert StepCost(units, rest, "one_layer", True).at([0, 0]) == 2 * rest
    assert StepCost(units, rest, "none", True).mean([ranks, [0, 0]]) == (whole + rest) / 2


def test_units_of_a_step_are_counted():
    model = LeNet()
    layers = decompose(model)
    image = torch.zeros(1, 1, 28, 28)
    cost = StepCost.of(model, layers, image, "none", True)
    assert cost.rest == 0
    assert cost.at([layer.rank for layer in layers.values()]) == sum(macs(model, image).values())
