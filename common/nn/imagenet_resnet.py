"""Residual networks for ImageNet (He et al. 2016, Table 1), the layers named as in torchvision."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from common.errors import InvalidInputError

WIDTHS = (64, 128, 256, 512)


class Basic(nn.Module):
    """Two 3 x 3 convolutions."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = shortcut(inputs, width, stride)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d v u"]:
        inner = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(inner)) + self.downsample(x))


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3 (which carries the stride), 1 x 1."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int):
        super().__init__()
        outputs = self.expansion * width
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = shortcut(inputs, outputs, stride)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d v u"]:
        inner = F.relu(self.bn1(self.conv1(x)))
        inner = F.relu(self.bn2(self.conv2(inner)))
        return F.relu(self.bn3(self.conv3(inner)) + self.downsample(x))


# blocks of each stage
DEPTHS = {
    18: (Basic, (2, 2, 2, 2)),
    34: (Basic, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
}


class ImageNetResNet(nn.Module):
    """ResNet-18, -34 or -50: 11.69, 21.80, 25.56 million parameters with 1,000 classes.

    Args:
        depth: 18, 34 or 50.
        classes: outputs.
        small: the stem of CIFAR's variant: a 3 x 3 convolution of stride 1 and no pooling.

    Raises:
        InvalidInputError: no network has this depth.
    """

    def __init__(self, depth: int = 50, classes: int = 1000, small: bool = False):
        super().__init__()
        if depth not in DEPTHS:
            raise InvalidInputError(f"depth={depth}; allowed: {', '.join(map(str, DEPTHS))}.")
        block, counts = DEPTHS[depth]
        kernel, stride, padding = (3, 1, 1) if small else (7, 2, 3)
        self.conv1 = nn.Conv2d(3, WIDTHS[0], kernel, stride, padding, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTHS[0])
        self.pool = nn.Identity() if small else nn.MaxPool2d(3, 2, 1)
        stages, inputs = [], WIDTHS[0]
        for number, (width, count) in enumerate(zip(WIDTHS, counts, strict=True)):
            blocks = []
            for index in range(count):
                blocks.append(block(inputs, width, 2 if number and not index else 1))
                inputs = block.expansion * width
            stages.append(nn.Sequential(*blocks))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.fc = nn.Linear(inputs, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b classes"]:
        x = self.pool(F.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((-2, -1)))


def shortcut(inputs: int, outputs: int, stride: int) -> nn.Module:
    """The identity, or a 1 x 1 convolution and its norm where the shape changes."""
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
