"""Figures that follow from shapes: published factors, and those of the small network here."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from common.compression.decoded import Decoded
from common.compression.subvectors import Layout
from common.nn.cifar_resnet import CifarResNet, inner_convolutions
from papers.lr2vq import models, network
from papers.lr2vq.sizes import dense_bits, network_bits
from papers.lr2vq.tasks.sizes_of_networks import PUBLISHED, compressed, uniform_bits
from papers.lr2vq.tasks.sizes_of_networks import network as imagenet_network


@pytest.mark.parametrize(
    ("name", "factor"),
    [
        ("resnet18_large", 43.3),
        ("resnet50_large", 30.6),
        ("resnet18_small", 28.9),
        ("resnet50_small", 19.2),
    ],
)
def test_published_factors(name, factor):
    depth, convention = PUBLISHED[name]
    model = imagenet_network(depth)
    sizes = {n: convention.of(layer) for n, layer in compressed(model).items()}
    assert dense_bits(model) / network_bits(model, sizes) == pytest.approx(factor, abs=0.06)


def test_d_hardly_changes_the_size_and_m_does():
    model = imagenet_network(18)
    plain = {m: uniform_bits(model, m) for m in (4, 8, 16)}
    halved = [100 * (uniform_bits(model, m, m // 2) / plain[m] - 1) for m in (4, 8, 16)]
    assert halved == pytest.approx([-0.7, -2.5, -7.7], abs=0.06)
    doubled = [100 * (plain[2 * m] / plain[m] - 1) for m in (4, 8)]
    assert doubled == pytest.approx([-46.7, -40.2], abs=0.06)


@pytest.mark.parametrize(
    ("dim", "words", "factor"),
    [(None, 64, 20.23), (None, 32, 27.02), (4, 64, 23.84), (6, 64, 21.39)],
)
def test_factors_of_resnet_20(dim, words, factor):
    torch.manual_seed(0)
    model, generator = CifarResNet(20), torch.Generator().manual_seed(0)
    dense = dense_bits(model)

    def code(_, weight):
        if dim is None:
            return models.quantise_plainly(weight, Layout(8), words, generator)
        return models.quantise(weight, Layout(8), dim, words, generator)

    network.encode_layers(model, inner_convolutions(model), code)
    assert dense / network.bits(model) == pytest.approx(factor, abs=0.005)


@pytest.mark.parametrize("stride", [1, 2])
def test_the_block_computes_what_the_decoded_weight_does(stride):
    torch.manual_seed(0)
    conv = nn.Conv2d(5, 10, 3, stride, 1)  # 10 outputs in blocks of 4: the last is filled
    code = models.quantise(conv.weight, Layout(4), 3, 8, torch.Generator().manual_seed(0))
    layer, x = Decoded(conv, code), torch.randn(2, 5, 9, 9)
    torch.testing.assert_close(models.GroupedBlock(layer)(x), layer(x))
