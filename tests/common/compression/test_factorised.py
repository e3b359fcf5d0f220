"""Layers in factors compute what the one layer computes, and merge back into it."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from common.compression.factorised import LowRankLinear
from common.compression.forms import CHANNEL, FORMS, SPATIAL, dense_macs
from common.compression.truncation import svd


@st.composite
def convolutions(draw):
    kernel = draw(st.sampled_from([(3, 3), (5, 5), (1, 3), (2, 3), (1, 1)]))
    torch.manual_seed(draw(st.integers(0, 99)))
    return nn.Conv2d(
        draw(st.integers(1, 5)),
        draw(st.integers(1, 6)),
        kernel,
        stride=draw(st.sampled_from([1, 2, (2, 1)])),
        padding=draw(st.sampled_from([0, 1, (2, 0)])),
        dilation=draw(st.sampled_from([1, 2])),
        bias=draw(st.booleans()),
    ).double()


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@settings(max_examples=30, deadline=None)
@given(conv=convolutions(), share=st.sampled_from([0.0, 0.5, 1.0]))
def test_factors_are_the_projected_layer(form, conv, share):
    rank = round(share * form.largest_rank(conv))
    layer = form.factorise(conv, rank)
    assert layer.rank == rank
    x = torch.randn(2, conv.in_channels, 11, 12, dtype=torch.float64)
    projected = nn.Conv2d.__new__(nn.Conv2d)
    projected.__dict__ = {**conv.__dict__, "_parameters": dict(conv._parameters)}
    weight = form.project(conv.weight.detach(), form.factors(conv).to_rank(rank))
    projected._parameters["weight"] = nn.Parameter(weight)
    torch.testing.assert_close(layer(x), projected(x))
    torch.testing.assert_close(layer.merged()(x), projected(x))
    if share == 1:
        torch.testing.assert_close(layer(x), conv(x))


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_the_cost_of_a_rank(form):
    conv = nn.Conv2d(6, 10, (3, 5), bias=False)
    layer = form.factorise(conv, 3)
    assert sum(p.numel() for p in layer.parameters()) == 3 * form.unit(conv)
    assert dense_macs(conv) == conv.weight.numel()


def test_the_cost_at_stride_two():
    conv = nn.Conv2d(6, 10, 3, stride=2)
    assert CHANNEL.unit_macs(conv) == 6 * 9 + 10
    assert SPATIAL.unit_macs(conv) == 2 * 6 * 3 + 10 * 3
    assert FORMS["decoupled"].unit_macs(conv) == 10 * (4 * 6 + 9)


def test_a_separable_filter_has_rank_one_only_if_read_so():
    conv = nn.Conv2d(1, 1, 3, bias=False).double()
    column, row = torch.randn(3, 1).double(), torch.randn(1, 3).double()
    conv.weight.data = (column @ row)[None, None]
    assert torch.linalg.matrix_rank(SPATIAL.matrix(conv.weight)) == 1
    two = nn.Conv2d(1, 2, 3, bias=False).double()
    two.weight.data = torch.stack([column @ row, row.mT @ column.mT])[:, None]
    assert torch.linalg.matrix_rank(CHANNEL.matrix(two.weight)) == 2


def test_what_cannot_be_factorised_is_refused():
    with pytest.raises(ValueError, match="groups=2"):
        CHANNEL.factorise(nn.Conv2d(4, 4, 3, groups=2), 1)
    with pytest.raises(ValueError, match="allowed for this layer: 0 to 4"):
        CHANNEL.factorise(nn.Conv2d(4, 4, 3), 5)
    with pytest.raises(ValueError, match="padding_mode='reflect'"):
        SPATIAL.factorise(nn.Conv2d(4, 4, 3, padding_mode="reflect"), 1)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("rank", [0, 3])
def test_linear(bias, rank):
    torch.manual_seed(0)
    layer = nn.Linear(5, 4, bias=bias)
    second, first = svd(layer.weight.detach()).to_rank(rank).balanced()
    factorised = LowRankLinear(first, second, layer.bias)
    x = torch.randn(2, 3, 5)
    expected = nn.functional.linear(x, second @ first, layer.bias)
    torch.testing.assert_close(factorised(x), expected)
    torch.testing.assert_close(factorised.merged()(x), expected)


def test_factors_train_and_export():
    net = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
    net[0] = SPATIAL.factorise(net[0], 2)
    net[3] = LowRankLinear(torch.randn(2, 64), torch.randn(3, 2), torch.zeros(3))
    x = torch.randn(5, 2, 4, 4)
    net(x).sum().backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in net.parameters())
    exported = torch.export.export(net.eval(), (x,)).module()
    torch.testing.assert_close(exported(x), net(x))
