"""Trained rank pruning behind the common door."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from common.compression.budget import Budget
from common.compression.compress import compress
from common.compression.tuning import Tuning
from common.errors import InvalidInputError
from common.nn.cifar_resnet import CifarResNet
from papers.trp.compress import RankPruning


def images():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(4, 3, 32, 32, generator=generator), torch.arange(4)


def pruned(model, **settings):
    torch.manual_seed(0)
    x, labels = images()
    method = RankPruning(Tuning([(x, labels)], steps=3), **settings)
    return compress(model, method, budget=Budget(macs=0.7), calibration=[x])


def test_the_first_convolution_and_those_of_a_stride_stay_dense():
    small, report = pruned(CifarResNet(8))
    assert report.skipped["conv1"] == "is the first convolution"
    assert report.skipped["layer2.0.conv1"] == "has a stride"
    assert isinstance(small.conv1, nn.Conv2d)
    assert isinstance(small.layer2[0].conv1, nn.Conv2d)
    assert report.compressed.macs <= 0.7 * report.dense.macs


def test_those_of_a_stride_too_where_asked():
    _, report = pruned(CifarResNet(8), strided=True)
    assert "layer2.0.conv1" in {layer.name for layer in report.layers}


def test_nothing_left_to_factorise():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 30 * 30, 4))
    with pytest.raises(InvalidInputError, match="0 is the first convolution"):
        pruned(model)
