"""Parameters and multiply-adds against the published counts and a closed form."""

from __future__ import annotations

import pytest
import torch

from common.compression.costs import macs
from common.errors import InvalidInputError
from common.nn.imagenet_resnet import ImageNetResNet

# torchvision's counts
PARAMETERS = {18: 11_689_512, 34: 21_797_672, 50: 25_557_032}


@pytest.mark.parametrize("depth", PARAMETERS)
def test_parameters(depth):
    with torch.device("meta"):
        model = ImageNetResNet(depth)
    assert sum(p.numel() for p in model.parameters()) == PARAMETERS[depth]


def bottleneck_macs(classes=1000):
    """Closed form of ResNet-50 at 224 x 224: side, width and inputs of each block."""
    total = 112**2 * 64 * 3 * 49 + 2048 * classes
    inputs, side = 64, 56
    for width, count in zip((64, 128, 256, 512), (3, 4, 6, 3), strict=True):
        for index in range(count):
            stride = 2 if width > 64 and index == 0 else 1
            out = side // stride
            total += side**2 * width * inputs + out**2 * width * width * 9
            total += out**2 * 4 * width * width
            if index == 0:
                total += out**2 * 4 * width * inputs
            inputs, side = 4 * width, out
    return total


def test_macs_of_resnet50():
    with torch.device("meta"):
        model, image = ImageNetResNet(50), torch.zeros(1, 3, 224, 224)
    counted = sum(macs(model, image).values())
    assert counted == bottleneck_macs()
    assert round(counted / 1e9, 2) == 4.09


def test_small_stem_and_gradient():
    model = ImageNetResNet(18, classes=10, small=True)
    out = model(torch.randn(2, 3, 32, 32))
    assert out.shape == (2, 10)
    out.sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def test_unknown_depth():
    with pytest.raises(InvalidInputError, match="18, 34, 50"):
        ImageNetResNet(101)
