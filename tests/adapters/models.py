"""Small models of every kind of layer, and inputs for them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from common.adapters.sites import kind_of


class Conv1D(nn.Module):
    """As GPT-2 has it: the weight is (in, out)."""

    def __init__(self, outputs: int, inputs: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs))
        self.bias = nn.Parameter(torch.randn(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight + self.bias


def layer_of_each_kind() -> dict[str, tuple[nn.Module, Tensor]]:
    """A layer and a batch for it."""
    torch.manual_seed(0)
    return {
        "wide": (nn.Linear(12, 8), torch.randn(5, 3, 12)),
        "tall": (nn.Linear(8, 12, bias=False), torch.randn(5, 8)),
        "transposed": (Conv1D(8, 12), torch.randn(5, 12)),
        "conv1d": (nn.Conv1d(6, 8, 5, stride=2, padding=2), torch.randn(2, 6, 11)),
        "conv2d": (
            nn.Conv2d(6, 8, (3, 5), padding=(1, 2), dilation=(1, 2)),
            torch.randn(2, 6, 9, 13),
        ),
        "circular": (
            nn.Conv2d(6, 8, 3, padding=1, padding_mode="circular", bias=False),
            torch.randn(2, 6, 7, 7),
        ),
        "pointwise": (nn.Conv2d(6, 8, 1), torch.randn(2, 6, 4, 4)),
        "same": (nn.Conv2d(6, 8, 3, padding="same"), torch.randn(2, 6, 5, 5)),
        "grouped": (nn.Conv2d(6, 8, 3, groups=2), torch.randn(2, 6, 7, 7)),
        "depthwise": (nn.Conv2d(8, 8, 7, groups=8, padding=3), torch.randn(2, 8, 7, 7)),
        "conv3d": (nn.Conv3d(4, 6, (2, 3, 1)), torch.randn(2, 4, 5, 5, 5)),
        "embedding": (nn.Embedding(11, 6, padding_idx=0), torch.randint(0, 11, (4, 7))),
    }


def fitting(kinds: tuple[str, ...]) -> list[str]:
    """The layers above that are of these kinds."""
    return [name for name, (layer, _) in layer_of_each_kind().items() if kind_of(layer) in kinds]


class Net(nn.Module):
    """Two linear layers and a head; nothing of another library's."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 8)
        self.second = nn.Linear(8, 8)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.second(torch.relu(self.first(x)))))


class Wrapped(nn.Module):
    """One layer under a name."""

    def __init__(self, layer: nn.Module):
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


@torch.no_grad()
def stir(modules: object, seed: int = 1, size: float = 0.3) -> None:
    """Move every trained number, so that a change is one."""
    generator = torch.Generator().manual_seed(seed)
    for module in modules:
        for parameter in module.parameters():
            parameter += size * torch.randn(parameter.shape, generator=generator).to(parameter)
