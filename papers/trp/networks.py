"""The authors' ResNets for CIFAR-10: convolutions in the shortcuts, bottlenecks from 44 layers on.

The trained networks of ``common.nn.cifar_resnet`` have shortcuts without weights and basic blocks
at every depth; these are what the published figures were measured on.
"""

from __future__ import annotations

import math

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from common.errors import InvalidInputError
from common.nn.cifar_resnet import WIDTHS
from common.nn.imagenet_resnet import Basic, shortcut


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3, 1 x 1; no rectifier between the last two, as in the authors' code."""

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
        inner = self.bn3(self.conv3(self.bn2(self.conv2(inner))))
        return F.relu(inner + self.downsample(x))


class ProjectedResNet(nn.Module):
    """The authors' network; weights normal of variance 2 / (k k c_out).

    Args:
        depth: 6 n + 2, n blocks a stage.
        classes: outputs.

    Raises:
        InvalidInputError: no network has this depth.
    """

    def __init__(self, depth: int = 20, classes: int = 10):
        super().__init__()
        # Three layers to a bottleneck, but counted as two: "56" has 9 blocks a stage, as basic
        # blocks would.
        block = Bottleneck if depth >= 44 else Basic
        count, rest = divmod(depth - 2, 6)
        if rest or count < 1:
            raise InvalidInputError(f"depth={depth}; allowed: 8, 14, 20, ..., that is 6 n + 2.")
        self.conv1 = nn.Conv2d(3, WIDTHS[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTHS[0])
        stages, inputs = [], WIDTHS[0]
        for number, width in enumerate(WIDTHS):
            blocks = []
            for index in range(count):
                blocks.append(block(inputs, width, 2 if number and not index else 1))
                inputs = block.expansion * width
            stages.append(nn.Sequential(*blocks))
        self.layer1, self.layer2, self.layer3 = stages
        self.fc = nn.Linear(inputs, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                fan_out = math.prod(module.kernel_size) * module.out_channels
                nn.init.normal_(module.weight, 0, math.sqrt(2 / fan_out))

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b classes"]:
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(x.mean((-2, -1)))
