"""A fully hyperbolic encoder and decoder (Chen et al. 2022): every state lies on the manifold.

The residual stream and the positions are added inside a layer, before its point is put on the
manifold, as in the official layers: a centroid of stream and layer would halve the stream each
time. Values of attention are weighed by the Lorentz centroid. There are no layer norms.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from papers.sst.grammar import PAD
from papers.sst.hyperbolic import lorentz
from papers.sst.hyperbolic.layers import LorentzClassifier, LorentzLinear, LorentzPoints

START, SCALE = 0.02, math.exp(2.3)  # of matrices and of times, in the transformer


def linear(inputs: int, outputs: int, **options) -> LorentzLinear:
    """A layer as the transformer starts it."""
    return LorentzLinear(inputs, outputs, start=START, scale=SCALE, **options)


class LorentzAttention(nn.Module):
    """softmax((2 + 2 <q, k>_L) / scale + bias) over points; centroids of the values, head by head;
    a linear map of all heads' coordinates side by side."""

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        options = {"heads": heads, "dropout": dropout}
        self.query, self.key = linear(width, width, **options), linear(width, width, **options)
        self.value = linear(width, width, **options)
        self.out = linear(width, width, points=heads)
        self.heads = heads
        self.scale = nn.Parameter(torch.full((), math.sqrt(width)))
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(
        self,
        x: Float[Tensor, "b t d"],
        memory: Float[Tensor, "b s d"],
        mask: Bool[Tensor, "b #t s"],
    ) -> Float[Tensor, "b t d"]:
        """``mask`` is true where a position may be read; x is carried on."""
        q, k, v = (
            self._heads(layer(y))
            for layer, y in ((self.query, x), (self.key, memory), (self.value, memory))
        )
        scores = (2 + 2 * lorentz.pairwise_inner(q, k)) / self.scale + self.bias
        weights = scores.masked_fill(~mask[:, None], -torch.inf).softmax(-1)
        return self.out(lorentz.centroid(v, weights).transpose(1, 2).flatten(2), x)

    def _heads(self, y: Tensor) -> Tensor:
        return (y if self.heads > 1 else y[:, :, None]).transpose(1, 2)


class LorentzBlock(nn.Module):
    """Attention to itself, to the source if there is one, and an MLP; each carries on what it
    read."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float, *, crossed: bool):
        super().__init__()
        self.attention = LorentzAttention(width, heads, dropout)
        self.cross = LorentzAttention(width, heads, dropout) if crossed else None
        self.up = linear(width, hidden, dropout=dropout)
        self.down = linear(hidden, width, dropout=dropout, activation=F.relu)

    def forward(self, x: Tensor, mask: Tensor, memory=None, memory_mask=None) -> Tensor:
        x = self.attention(x, x, mask)
        if self.cross is not None:
            x = self.cross(x, memory, memory_mask)
        return self.down(self.up(x), x)


class Placed(nn.Module):
    """Points of tokens, and where they stand: a layer beside a Euclidean vector for each place."""

    def __init__(self, tokens: int, width: int, positions: int):
        super().__init__()
        self.tokens = LorentzPoints(tokens, width, width**-0.5)
        self.places = nn.Parameter(torch.randn(positions, width) * width**-0.5)
        self.mix = linear(width, width)

    def forward(self, tokens: Int[Tensor, "b t"]) -> Float[Tensor, "b t d"]:
        points = F.embedding(tokens, self.tokens.points)
        return self.mix(points, points + self.places[: tokens.shape[1]])


class LorentzTransformer(nn.Module):
    """As ``papers.sst.transformer.Transformer``: embeddings and classes are points that Riemannian
    Adam trains, positions Euclidean vectors.

    Args: see there.
    """

    def __init__(
        self,
        source: int,
        target: int,
        *,
        width: int,
        heads: int,
        layers: int,
        positions: int,
        dropout: float = 0.1,
    ):
        super().__init__()
        self.source = Placed(source, width, positions)
        self.target = Placed(target, width, positions)
        self.encoder = nn.ModuleList(
            LorentzBlock(width, heads, 4 * width, dropout, crossed=False) for _ in range(layers)
        )
        self.decoder = nn.ModuleList(
            LorentzBlock(width, heads, 4 * width, dropout, crossed=True) for _ in range(layers)
        )
        self.head = LorentzClassifier(target, width)

    def encode(self, tokens: Int[Tensor, "b s"]) -> Float[Tensor, "b s d"]:
        """Points that the decoder reads of the source."""
        x, mask = self.source(tokens), (tokens != PAD)[:, None]
        for block in self.encoder:
            x = block(x, mask)
        return x

    def decode(self, tokens: Tensor, memory: Tensor, source: Tensor) -> Float[Tensor, "b t v"]:
        """Logits after each target token."""
        x = self.target(tokens)
        length = tokens.shape[1]
        past = torch.ones(length, length, dtype=torch.bool, device=tokens.device).tril()[None]
        of_source = (source != PAD)[:, None]
        for block in self.decoder:
            x = block(x, past, memory, of_source)
        return self.head(x)

    def forward(self, source: Int[Tensor, "b s"], target: Int[Tensor, "b t"]) -> Tensor:
        return self.decode(target, self.encode(source), source)
