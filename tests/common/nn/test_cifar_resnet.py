"""Residual networks for CIFAR: sizes as published, shortcuts by hand."""

from __future__ import annotations

import pytest
import torch

from common.compression.costs import macs, parameters
from common.errors import InvalidInputError
from common.nn.cifar_resnet import CifarResNet, Shortcut, inner_convolutions


@pytest.mark.parametrize(
    ("depth", "size", "layers"), [(20, 269_722, 18), (32, 464_154, 30), (56, 853_018, 54)]
)
def test_sizes(depth, size, layers):
    model = CifarResNet(depth)
    assert parameters(model) == size
    assert len(inner_convolutions(model)) == layers


def test_multiply_adds_of_resnet_20():
    assert round(sum(macs(CifarResNet(20), torch.randn(1, 3, 32, 32)).values()) / 1e4) == 4055


def test_the_shortcut_pads_channels_on_both_sides():
    x = torch.randn(2, 16, 8, 8)
    out = Shortcut(16, 32, 2)(x)
    assert out.shape == (2, 32, 4, 4)
    assert torch.equal(out[:, 8:24], x[:, :, ::2, ::2])
    assert not out[:, :8].any()
    assert not out[:, 24:].any()


@pytest.mark.parametrize("depth", [2, 19])
def test_no_such_depth(depth):
    with pytest.raises(InvalidInputError, match="6 n \\+ 2"):
        CifarResNet(depth)
