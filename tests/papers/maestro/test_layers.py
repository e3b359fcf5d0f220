"""Ordered layers: equal to what they came from, prefixes, masks, cutting."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from common.errors import InvalidInputError
from papers.maestro.layers import OrderedConv2d, OrderedLinear
from papers.maestro.lod import at_widths, decompose
from papers.maestro.networks import LeNet, Transformer, Vgg19, network, with_group_norms


@given(st.integers(1, 7), st.integers(1, 7), st.booleans(), st.integers(0, 2**31))
@settings(max_examples=25, deadline=None)
def test_linear_at_every_width(inputs, outputs, bias, seed):
    torch.manual_seed(seed)
    layer = nn.Linear(inputs, outputs, bias).double()
    ordered, x = OrderedLinear(layer), torch.randn(3, inputs, dtype=torch.float64)
    torch.testing.assert_close(ordered(x), layer(x))
    U, S, Vh = torch.linalg.svd(layer.weight, full_matrices=False)
    for width in range(1, len(S) + 1):
        ordered.width = width
        best = U[:, :width] * S[:width] @ Vh[:width]
        expected = x @ best.mT + (layer.bias if bias else 0)
        torch.testing.assert_close(ordered(x), expected)
        torch.testing.assert_close(ordered.cut()(x), expected)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("bias", [True, False])
def test_convolution_at_every_width(stride, bias):
    layer = nn.Conv2d(3, 5, 3, stride, 1, dilation=1, bias=bias).double()
    ordered, x = OrderedConv2d(layer), torch.randn(2, 3, 9, 9, dtype=torch.float64)
    torch.testing.assert_close(ordered(x), layer(x))
    for width in range(1, 6):
        ordered.width = width
        torch.testing.assert_close(ordered.cut()(x), ordered(x))


def test_rank_zero_gives_the_bias_everywhere():
    layer, x = nn.Conv2d(2, 3, 3, 2, 1), torch.randn(2, 2, 8, 8)
    ordered = OrderedConv2d(layer)
    ordered.keep(torch.zeros(3, dtype=torch.bool))
    assert ordered.rank == 0
    expected = layer.bias.detach()[:, None, None].expand(2, 3, 4, 4)
    torch.testing.assert_close(ordered(x).detach(), expected)
    torch.testing.assert_close(ordered.cut()(x).detach(), expected)
    linear = OrderedLinear(nn.Linear(4, 3))
    linear.keep(torch.zeros(3, dtype=torch.bool))
    torch.testing.assert_close(linear(torch.randn(2, 4)), linear.bias.expand(2, 3))


def test_the_bias_goes_on_learning_at_rank_zero():
    for ordered, x in (
        (OrderedConv2d(nn.Conv2d(2, 3, 3)), torch.randn(2, 2, 8, 8)),
        (OrderedLinear(nn.Linear(4, 3)), torch.randn(2, 4)),
    ):
        ordered.keep(torch.zeros(3, dtype=torch.bool))
        ordered(x).sum().backward()
        positions = x[:, 0, :6, :6].numel() if x.ndim == 4 else len(x)
        torch.testing.assert_close(ordered.bias.grad, torch.full((3,), float(positions)))


def test_dropped_components_keep_their_momentum_and_decay():
    ordered, x = OrderedLinear(nn.Linear(4, 3)), torch.randn(8, 4)
    update = torch.optim.SGD(ordered.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    for step in range(2):
        update.zero_grad()
        ordered(x).square().sum().backward()
        if step == 0:
            update.step()
            ordered.keep(torch.tensor([True, True, False]))
            before = ordered.left[2].detach().clone()
    assert not ordered.left.grad[2].any()
    momentum = update.state[ordered.left]["momentum_buffer"][2].clone()
    update.step()
    expected = before - 0.1 * (0.9 * momentum + 0.1 * before)
    torch.testing.assert_close(ordered.left[2].detach(), expected)


def test_cut_is_dense_above_the_break_even_rank():
    ordered = OrderedLinear(nn.Linear(10, 10))
    ordered.width = 5  # 5 (10 + 10) = 100: as much as the dense layer
    assert type(ordered.cut()).__name__ == "LowRankLinear"
    ordered.width = 6
    assert type(ordered.cut()) is nn.Linear


def test_masks_keep_the_prefix_of_what_is_left():
    ordered = OrderedLinear(nn.Linear(6, 5))
    ordered.keep(torch.tensor([True, False, True, True, False]))
    ordered.width = 2
    U, V = ordered.factors()
    assert torch.equal(U, ordered.U[:, [0, 2]])
    assert torch.equal(V, ordered.V[:, [0, 2]])
    ordered.keep(torch.ones(5, dtype=torch.bool))  # ranks never grow back
    assert ordered.rank == 3


def test_state_dict_brings_the_ranks():
    ordered = OrderedLinear(nn.Linear(6, 5))
    ordered.keep(torch.tensor([True, True, False, False, False]))
    again = OrderedLinear(nn.Linear(6, 5))
    again.load_state_dict(ordered.state_dict())
    assert again.rank == 2
    x = torch.randn(3, 6)
    torch.testing.assert_close(again(x), ordered(x))


def test_narrow_passes_use_views():
    ordered = OrderedLinear(nn.Linear(64, 64))
    ordered.width = 8
    for part, whole in zip(ordered.rows(), (ordered.left, ordered.right), strict=True):
        assert part.data_ptr() == whole.data_ptr()
        assert part.is_contiguous()


def test_gradient_reaches_the_prefix_only():
    ordered = OrderedLinear(nn.Linear(6, 5))
    with at_widths({ordered: 2}):
        ordered(torch.randn(4, 6)).square().sum().backward()
    assert ordered.width is None
    assert ordered.left.grad[:2].abs().sum() > 0
    assert not ordered.left.grad[2:].any()


def test_grouped_convolutions_are_refused():
    with pytest.raises(ValueError, match="groups must be 1"):
        OrderedConv2d(nn.Conv2d(4, 4, 3, groups=4))


NETWORKS = {
    "lenet": (lambda: LeNet(), (torch.Size((2, 1, 28, 28)),)),
    "vgg19": (lambda: Vgg19(), (torch.Size((1, 3, 32, 32)),)),
    "vgg19 with group norms": (
        lambda: with_group_norms(Vgg19()),
        (torch.Size((1, 3, 32, 32)),),
    ),
    "resnet18": (lambda: network("resnet18"), (torch.Size((1, 3, 32, 32)),)),
}


@pytest.mark.parametrize(
    "name", ["lenet", *(pytest.param(n, marks=pytest.mark.slow) for n in list(NETWORKS)[1:])]
)
def test_networks_compute_the_same(name):
    make, shapes = NETWORKS[name]
    model = make().double().eval()
    inputs = [torch.randn(shape, dtype=torch.float64) for shape in shapes]
    factorised = copy.deepcopy(model)
    decompose(factorised)
    torch.testing.assert_close(factorised(*inputs), model(*inputs), rtol=0, atol=1e-12)


def test_transformer_computes_the_same_and_does_not_look_ahead():
    model = Transformer(11, layers=2, width=16, heads=2).double().eval()
    source, target = torch.randint(11, (2, 5)), torch.randint(11, (2, 6))
    before = model(source, target)
    factorised = copy.deepcopy(model)
    layers = decompose(factorised)
    assert "encoder.0.attention.query" in layers
    assert not any("embedding" in name for name in layers)
    torch.testing.assert_close(factorised(source, target), before, rtol=0, atol=1e-12)
    later = target.clone()
    later[:, -1] = (later[:, -1] + 1) % 11
    torch.testing.assert_close(model(source, later)[:, :-1], before[:, :-1])


def test_group_norms_take_the_place_of_batch_norms():
    model = network("resnet18", group_norm=True)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in model.modules())
    norms = [m for m in model.modules() if isinstance(m, nn.GroupNorm)]
    assert len(norms) == 20
    assert (norms[0].num_groups, norms[-1].num_groups) == (8, 32)
    with pytest.raises(InvalidInputError, match="LeNet has no norms"):
        network("lenet", group_norm=True)


def test_lenet_has_236_ranks():
    assert [layer.rank for layer in decompose(LeNet()).values()] == [6, 16, 120, 84, 10]
