"""The paper's smaller networks: LeNet, VGG-19 and a transformer with separate projections."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from common.compression.layers import replace
from common.errors import InvalidInputError
from common.nn.imagenet_resnet import ImageNetResNet

# groups of GroupNorm by width, where it takes the place of batch normalisation
GROUPS = {16: 2, 32: 4, 64: 8, 128: 8, 256: 16, 512: 32, 1024: 32, 2048: 32}
VGG19 = (64, 64, 0, 128, 128, 0, 256, 256, 256, 256, 0, 512, 512, 512, 512, 0, 512, 512, 512, 512)


class LeNet(nn.Module):
    """Two convolutions of 5 x 5 with pooling, three linear layers, for 28 x 28."""

    def __init__(self, classes: int = 10):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2 = nn.Linear(256, 120), nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, classes)

    def forward(self, x: Float[Tensor, "b 1 28 28"]) -> Float[Tensor, "b classes"]:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2).flatten(1)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


class Vgg19(nn.Module):
    """Sixteen convolutions of 3 x 3 with normalisation, and one linear layer, for 32 x 32.

    Args:
        classes: outputs.
    """

    def __init__(self, classes: int = 10):
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for width in VGG19:
            if width == 0:
                layers.append(nn.MaxPool2d(2))
                continue
            convolution = nn.Conv2d(inputs, width, 3, padding=1, bias=False)
            layers += [convolution, nn.BatchNorm2d(width), nn.ReLU()]
            inputs = width
        self.features = nn.Sequential(*layers)
        self.fc = nn.Linear(512, classes)

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b classes"]:
        return self.fc(self.features(x).amax((-2, -1)))


NETWORKS = ("lenet", "vgg19", "resnet18")


def network(name: str, classes: int = 10, group_norm: bool = False) -> nn.Module:
    """One of :data:`NETWORKS`, as it is initialised.

    Raises:
        InvalidInputError: no such name, or group norms for a network without norms.
    """
    if name not in NETWORKS:
        raise InvalidInputError(f"task.network={name!r}; allowed: {', '.join(NETWORKS)}.")
    if name == "lenet":
        if group_norm:
            raise InvalidInputError(
                "task.group_norm=true, but LeNet has no norms; allowed: false for lenet."
            )
        return LeNet(classes)
    model = Vgg19(classes) if name == "vgg19" else ImageNetResNet(18, classes, small=True)
    return with_group_norms(model) if group_norm else model


def with_group_norms(model: nn.Module) -> nn.Module:
    """Group norms, with :data:`GROUPS`, in the place of batch norms; changed in place."""
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.BatchNorm2d):
            width = module.num_features
            replace(model, name, nn.GroupNorm(GROUPS[width], width))
    return model


class Attention(nn.Module):
    """Multi-head attention whose four projections are layers of their own, as Maestro cuts them."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.output = (nn.Linear(width, width) for _ in range(4))

    def forward(
        self, x: Float[Tensor, "b t d"], memory: Float[Tensor, "b s d"], causal: bool = False
    ) -> Float[Tensor, "b t d"]:
        q, k, v = (
            layer(source).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for layer, source in ((self.query, x), (self.key, memory), (self.value, memory))
        )
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        return self.output(mixed.transpose(1, 2).flatten(-2))


class Block(nn.Module):
    """Attention, attention to the encoder where ``crossed``, and two linear layers; post-norm."""

    def __init__(self, width: int, heads: int, hidden: int, crossed: bool):
        super().__init__()
        self.attention = Attention(width, heads)
        self.cross = Attention(width, heads) if crossed else None
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3 if crossed else 2))

    def forward(
        self, x: Float[Tensor, "b t d"], memory: Float[Tensor, "b s d"] | None = None
    ) -> Float[Tensor, "b t d"]:
        x = self.norms[0](x + self.attention(x, x, causal=self.cross is not None))
        if self.cross is not None:
            x = self.norms[1](x + self.cross(x, memory))
        return self.norms[-1](x + self.down(F.relu(self.up(x))))


class Transformer(nn.Module):
    """Encoder and decoder (Vaswani et al. 2017) over one vocabulary.

    Args:
        vocabulary: tokens; the embedding is not factorised.
        layers: of the encoder, and of the decoder; 6 in the paper.
        width: d.
        heads: of attention.
        hidden: of the linear layers; None takes 4 d.
        length: largest number of positions.
    """

    def __init__(
        self,
        vocabulary: int,
        layers: int = 6,
        width: int = 512,
        heads: int = 8,
        hidden: int | None = None,
        length: int = 128,
    ):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.register_buffer("positions", _sinusoids(length, width), persistent=False)
        hidden = hidden or 4 * width
        self.encoder = nn.ModuleList(Block(width, heads, hidden, False) for _ in range(layers))
        self.decoder = nn.ModuleList(Block(width, heads, hidden, True) for _ in range(layers))
        self.head = nn.Linear(width, vocabulary)

    def forward(
        self, source: Int64[Tensor, "b s"], target: Int64[Tensor, "b t"]
    ) -> Float[Tensor, "b t v"]:
        memory = self._embedded(source)
        for block in self.encoder:
            memory = block(memory)
        x = self._embedded(target)
        for block in self.decoder:
            x = block(x, memory)
        return self.head(x)

    def _embedded(self, tokens: Tensor) -> Tensor:
        scale = math.sqrt(self.embedding.embedding_dim)
        return self.embedding(tokens) * scale + self.positions[: tokens.shape[1]]


def _sinusoids(length: int, width: int) -> Float[Tensor, "length width"]:
    rates = torch.exp(-math.log(1e4) * torch.arange(0, width, 2) / width)
    angles = torch.arange(length)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)
