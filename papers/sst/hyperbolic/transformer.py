"""A fully hyperbolic encoder and decoder (Chen et al. 2022): every state lies on the manifold.

What the Euclidean net adds, this one takes the Lorentz centroid of: the residual stream, the
positions, the values of attention. There are no layer norms.
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

START, SCALE = 0.02, 2.3  # of matrices and of times, in the transformer


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
        self.out = linear(width, width)
        self.heads = heads
        self.scale = nn.Parameter(torch.full((), math.sqrt(width)))
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(
        self,
        x: Float[Tensor, "b t d"],
        memory: Float[Tensor, "b s d"],
        mask: Bool[Tensor, "b #t s"],
    ) -> Float[Tensor, "b t d"]:
        """``mask`` is true where a position may be read."""
        q, k, v = (
            self._heads(layer(y))
            for layer, y in ((self.query, x), (self.key, memory), (self.value, memory))
        )
        scores = (2 + 2 * lorentz.pairwise_inner(q, k)) / self.scale + self.bias
        weights = scores.masked_fill(~mask[:, None], -torch.inf).softmax(-1)
        return self.out(lorentz.centroid(v, weights).transpose(1, 2).flatten(2))

    def _heads(self, y: Tensor) -> Tensor:
        return (y if self.heads > 1 else y[:, :, None]).transpose(1, 2)


class LorentzBlock(nn.Module):
    """Attention to itself, to the source if there is one, and an MLP; after each the centroid with
    what was read."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float, *, crossed: bool):
        super().__init__()
        self.attention = LorentzAttention(width, heads, dropout)
        self.cross = LorentzAttention(width, heads, dropout) if crossed else None
        self.up = linear(width, hidden, dropout=dropout)
        self.down = linear(hidden, width, dropout=dropout, activation=F.relu)

    def forward(self, x: Tensor, mask: Tensor, memory=None, memory_mask=None) -> Tensor:
        x = midpoint(x, self.attention(x, x, mask))
        if self.cross is not None:
            x = midpoint(x, self.cross(x, memory, memory_mask))
        return midpoint(x, self.down(self.up(x)))


def midpoint(x: Float[Tensor, "*b d"], y: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
    """Centroid of two points."""
    return lorentz.normalised(x + y)


class LorentzTransformer(nn.Module):
    """As ``papers.sst.transformer.Transformer``: embeddings and classes are points that Riemannian
    Adam trains, positions Euclidean vectors mapped by expmap0.

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
        self.source = LorentzPoints(source, width, width**-0.5)
        self.target = LorentzPoints(target, width, width**-0.5)
        self.positions = nn.Parameter(torch.randn(positions, width - 1) * width**-0.5)
        self.encoder = nn.ModuleList(
            LorentzBlock(width, heads, 4 * width, dropout, crossed=False) for _ in range(layers)
        )
        self.decoder = nn.ModuleList(
            LorentzBlock(width, heads, 4 * width, dropout, crossed=True) for _ in range(layers)
        )
        self.head = LorentzClassifier(target, width)

    def encode(self, tokens: Int[Tensor, "b s"]) -> Float[Tensor, "b s d"]:
        """Points that the decoder reads of the source."""
        return self.encoder_states(tokens)[-1]

    def encoder_states(self, tokens: Int[Tensor, "b s"]) -> list[Tensor]:
        """Points before and after each block."""
        x, mask = self._embed(self.source, tokens), (tokens != PAD)[:, None]
        found = [x]
        for block in self.encoder:
            x = block(x, mask)
            found.append(x)
        return found

    def decoder_states(self, tokens: Tensor, memory: Tensor, source: Tensor) -> list[Tensor]:
        """Points before and after each block."""
        x = self._embed(self.target, tokens)
        length = tokens.shape[1]
        past = torch.ones(length, length, dtype=torch.bool, device=tokens.device).tril()[None]
        of_source = (source != PAD)[:, None]
        found = [x]
        for block in self.decoder:
            x = block(x, past, memory, of_source)
            found.append(x)
        return found

    def decode(self, tokens: Tensor, memory: Tensor, source: Tensor) -> Float[Tensor, "b t v"]:
        """Logits after each target token."""
        return self.head(self.decoder_states(tokens, memory, source)[-1])

    def forward(self, source: Int[Tensor, "b s"], target: Int[Tensor, "b t"]) -> Tensor:
        return self.decode(target, self.encode(source), source)

    def _embed(self, embedding: LorentzPoints, tokens: Tensor) -> Tensor:
        places = torch.arange(tokens.shape[1], device=tokens.device)
        return midpoint(
            F.embedding(tokens, embedding.points), lorentz.expmap0(self.positions[places])
        )
