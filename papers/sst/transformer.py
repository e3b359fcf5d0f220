"""An encoder and decoder for translation (Vaswani et al. 2017), pre-norm; Euclidean."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from papers.sst.grammar import PAD


class Attention(nn.Module):
    """Queries of one sequence to keys and values of another."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.value, self.out = nn.Linear(width, width), nn.Linear(width, width)

    def forward(
        self,
        x: Float[Tensor, "b t d"],
        memory: Float[Tensor, "b s d"],
        mask: Bool[Tensor, "b #t s"],
    ) -> Float[Tensor, "b t d"]:
        """``mask`` is true where a position may be read."""
        q, k, v = (
            layer(y).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for layer, y in ((self.query, x), (self.key, memory), (self.value, memory))
        )
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None])
        return self.out(mixed.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Attention to itself, to the source if there is one, and an MLP."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float, *, crossed: bool):
        super().__init__()
        self.attention = Attention(width, heads)
        self.cross = Attention(width, heads) if crossed else None
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3 if crossed else 2))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor, memory=None, memory_mask=None) -> Tensor:
        y = self.norms[0](x)
        x = x + self.dropout(self.attention(y, y, mask))
        if self.cross is not None:
            x = x + self.dropout(self.cross(self.norms[1](x), memory, memory_mask))
        return x + self.dropout(self.down(F.relu(self.up(self.norms[-1](x)))))


class Transformer(nn.Module):
    """Logits of the target's next token.

    Args:
        source: tokens of the source language.
        target: of the target language.
        width: of the residual stream.
        heads: of attention.
        layers: of the encoder, and of the decoder.
        positions: longest sequence.
        dropout: of what is added to the stream.
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
        self.source, self.target = nn.Embedding(source, width), nn.Embedding(target, width)
        self.positions = nn.Embedding(positions, width)
        self.encoder = nn.ModuleList(
            Block(width, heads, 4 * width, dropout, crossed=False) for _ in range(layers)
        )
        self.decoder = nn.ModuleList(
            Block(width, heads, 4 * width, dropout, crossed=True) for _ in range(layers)
        )
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.head = nn.Linear(width, target)
        self.dropout = nn.Dropout(dropout)
        for embedding in (self.source, self.target, self.positions):
            nn.init.normal_(embedding.weight, std=width**-0.5)

    def encode(self, tokens: Int[Tensor, "b s"]) -> Float[Tensor, "b s d"]:
        """What the decoder reads of the source."""
        x, mask = self._embed(self.source, tokens), (tokens != PAD)[:, None]
        for block in self.encoder:
            x = block(x, mask)
        return self.norms[0](x)

    def decode(
        self, tokens: Int[Tensor, "b t"], memory: Tensor, source: Int[Tensor, "b s"]
    ) -> Float[Tensor, "b t v"]:
        """Logits after each target token."""
        x = self._embed(self.target, tokens)
        length = tokens.shape[1]
        past = torch.ones(length, length, dtype=torch.bool, device=tokens.device).tril()[None]
        of_source = (source != PAD)[:, None]
        for block in self.decoder:
            x = block(x, past, memory, of_source)
        return self.head(self.norms[1](x))

    def forward(self, source: Int[Tensor, "b s"], target: Int[Tensor, "b t"]) -> Tensor:
        return self.decode(target, self.encode(source), source)

    def _embed(self, embedding: nn.Embedding, tokens: Tensor) -> Tensor:
        places = torch.arange(tokens.shape[1], device=tokens.device)
        return self.dropout(embedding(tokens) + self.positions(places))


@torch.no_grad()
def greedy(model: nn.Module, source: Int[Tensor, "b s"], length: int, start: int, end: int):
    """The likeliest token at each place; (b, t) tokens without the start, padded after the end."""
    memory = model.encode(source)
    tokens = torch.full((len(source), 1), start, device=source.device)
    done = torch.zeros(len(source), dtype=torch.bool, device=source.device)
    for _ in range(length):
        following = model.decode(tokens, memory, source)[:, -1].argmax(-1)
        following = torch.where(done, torch.full_like(following, PAD), following)
        tokens = torch.cat([tokens, following[:, None]], 1)
        done |= following == end
        if bool(done.all()):
            break
    return tokens[:, 1:]
