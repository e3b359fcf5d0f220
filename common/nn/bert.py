"""A BERT encoder (Devlin et al. 2019) under the names that published weights have.

Post-norm blocks, exact GELU, learnt positions and token types; no dropout and no pooler. Modules
are called as in transformers' ``BertModel`` (``encoder.layer.0.attention.self.query``).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from common.errors import InvalidInputError


@dataclass(frozen=True)
class BertConfig:
    """Shape of an encoder; the defaults are those of MiniLM-L6.

    Attributes:
        vocabulary: tokens.
        positions: longest input.
        layers: blocks.
        heads: of attention, a divisor of ``width``.
        width: of the residual stream.
        mlp_width: between the two layers of a block's MLP.
        types: token types.
    """

    vocabulary: int = 30_522
    positions: int = 512
    layers: int = 6
    heads: int = 12
    width: int = 384
    mlp_width: int = 1536
    types: int = 2

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise InvalidInputError(f"heads={self.heads} does not divide width={self.width}.")


class BertEncoder(nn.Module):
    """Tokens to a vector each."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.config = config
        self.embeddings = _Embeddings(config)
        blocks = nn.ModuleList(_Block(config) for _ in range(config.layers))
        self.encoder = nn.ModuleDict({"layer": blocks})

    def forward(
        self,
        tokens: Int[Tensor, "b t"],
        mask: Bool[Tensor, "b t"] | None = None,
        types: Int[Tensor, "b t"] | None = None,
    ) -> Float[Tensor, "b t d"]:
        """The last block's output.

        Args:
            tokens: numbers in the vocabulary.
            mask: true where there is a token, false where there is padding; None: no padding.
            types: 0 for the first text, 1 for the second; None: all 0.

        Raises:
            InvalidInputError: more tokens than positions.
        """
        if tokens.shape[1] > self.config.positions:
            raise InvalidInputError(
                f"{tokens.shape[1]} tokens; this encoder has {self.config.positions} positions. "
                "Cut the input."
            )
        x = self.embeddings(tokens, torch.zeros_like(tokens) if types is None else types)
        seen = None if mask is None else mask[:, None, None, :]
        for block in self.encoder["layer"]:
            x = block(x, seen)
        return x


def mean_pooled(outputs: Float[Tensor, "b t d"], mask: Bool[Tensor, "b t"]) -> Float[Tensor, "b d"]:
    """The mean over an input's tokens, divided by its norm: a sentence's vector."""
    weights = mask.to(outputs)[..., None]
    return F.normalize((outputs * weights).sum(1) / weights.sum(1), dim=-1)


class _Embeddings(nn.Module):
    def __init__(self, config: BertConfig):
        super().__init__()
        self.word_embeddings = nn.Embedding(config.vocabulary, config.width)
        self.position_embeddings = nn.Embedding(config.positions, config.width)
        self.token_type_embeddings = nn.Embedding(config.types, config.width)
        self.LayerNorm = nn.LayerNorm(config.width, eps=1e-12)

    def forward(self, tokens: Tensor, types: Tensor) -> Tensor:
        positions = torch.arange(tokens.shape[1], device=tokens.device)
        x = self.word_embeddings(tokens) + self.token_type_embeddings(types)
        return self.LayerNorm(x + self.position_embeddings(positions))


class _Block(nn.Module):
    def __init__(self, config: BertConfig):
        super().__init__()
        width = config.width
        self.attention = nn.ModuleDict({"self": _Attention(config), "output": _Added(width, width)})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, config.mlp_width)})
        self.output = _Added(config.mlp_width, width)

    def forward(self, x: Tensor, seen: Tensor | None) -> Tensor:
        x = self.attention["output"](self.attention["self"](x, seen), x)
        return self.output(F.gelu(self.intermediate["dense"](x)), x)


class _Attention(nn.Module):
    def __init__(self, config: BertConfig):
        super().__init__()
        self.heads = config.heads
        self.query = nn.Linear(config.width, config.width)
        self.key = nn.Linear(config.width, config.width)
        self.value = nn.Linear(config.width, config.width)

    def forward(self, x: Tensor, seen: Tensor | None) -> Tensor:
        q, k, v = (
            part(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        return F.scaled_dot_product_attention(q, k, v, seen).transpose(1, 2).flatten(2)


class _Added(nn.Module):
    """A layer, added to what the block read, and normalised."""

    def __init__(self, inputs: int, width: int):
        super().__init__()
        self.dense = nn.Linear(inputs, width)
        self.LayerNorm = nn.LayerNorm(width, eps=1e-12)

    def forward(self, x: Tensor, residual: Tensor) -> Tensor:
        return self.LayerNorm(self.dense(x) + residual)
