"""A decoder-only transformer language model of GPT-2's shape and names.

Pre-norm blocks (Radford et al. 2019), learnt positions, the head tied to the token embedding, GELU
in its tanh form, GPT-2's initialisation (normal, deviation .02; projections into the residual
stream divided by sqrt(2 layers)). Modules are called as in GPT-2 and nanoGPT
(``transformer.h.0.attn.c_attn``); weights are those of ``nn.Linear``, (out, in).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from common.errors import InvalidInputError

QKV = ("q_proj", "k_proj", "v_proj")


@dataclass(frozen=True)
class GPTConfig:
    """Shape of a model.

    Attributes:
        vocabulary: tokens.
        context: positions.
        layers: blocks.
        heads: of attention, a divisor of ``width``.
        width: of the residual stream; the MLP is four times as wide.
        bias: of linear layers and layer norms.
        fused_qkv: queries, keys and values from one matrix, ``c_attn``, as GPT-2 has them; else
            from ``q_proj``, ``k_proj`` and ``v_proj``.
        kv_heads: heads of keys and values, a divisor of ``heads``; 0 takes as many, 1 is
            multi-query attention (Shazeer 2019), as StarCoder has it.
    """

    vocabulary: int = 1024
    context: int = 256
    layers: int = 4
    heads: int = 3
    width: int = 192
    bias: bool = True
    fused_qkv: bool = True
    kv_heads: int = 0

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise InvalidInputError(f"heads={self.heads} does not divide width={self.width}.")
        if self.kv_heads and self.heads % self.kv_heads:
            raise InvalidInputError(f"kv_heads={self.kv_heads} does not divide heads={self.heads}.")

    @property
    def kv_width(self) -> int:
        """Of the keys, and of the values."""
        return (self.kv_heads or self.heads) * (self.width // self.heads)


class SelfAttention(nn.Module):
    """Causal attention of every position to those before it."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.head_width = config.width // config.heads
        self.widths = (config.width, config.kv_width, config.kv_width)
        if config.fused_qkv:
            self.c_attn = nn.Linear(config.width, sum(self.widths), config.bias)
        else:
            for name, width in zip(QKV, self.widths, strict=True):
                setattr(self, name, nn.Linear(config.width, width, config.bias))
        self.c_proj = nn.Linear(config.width, config.width, config.bias)

    @property
    def fused(self) -> bool:
        """Whether queries, keys and values come from one matrix."""
        return hasattr(self, "c_attn")

    def forward(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d"]:
        return self.attend(*self.queries_keys_values(x), causal=True)

    def queries_keys_values(self, x: Float[Tensor, "b t d"]) -> list[Float[Tensor, "b h t e"]]:
        """Of each head; keys and values may have fewer."""
        if self.fused:
            parts = self.c_attn(x).split(self.widths, -1)
        else:
            parts = [getattr(self, name)(x) for name in QKV]
        return [part.unflatten(-1, (-1, self.head_width)).transpose(1, 2) for part in parts]

    def attend(
        self,
        q: Float[Tensor, "b h t e"],
        k: Float[Tensor, "b g s e"],
        v: Float[Tensor, "b g s e"],
        *,
        causal: bool,
    ) -> Float[Tensor, "b t d"]:
        """What the block adds; ``causal``: queries and keys are of the same positions."""
        shared = {"enable_gqa": True} if k.shape[1] != q.shape[1] else {}
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=causal, **shared)
        return self.c_proj(mixed.transpose(1, 2).flatten(2))

    @torch.no_grad()
    def split(self) -> None:
        """Replace ``c_attn`` by three matrices that compute the same."""
        weights = self.c_attn.weight.split(self.widths)
        biases = (None,) * 3 if self.c_attn.bias is None else self.c_attn.bias.split(self.widths)
        for name, weight, bias in zip(QKV, weights, biases, strict=True):
            layer = nn.Linear(weight.shape[1], weight.shape[0], bias is not None).to(weight)
            layer.weight.copy_(weight)
            if bias is not None:
                layer.bias.copy_(bias)
            setattr(self, name, layer)
        del self.c_attn


class MLP(nn.Module):
    """Two linear layers around a GELU."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.c_fc = nn.Linear(config.width, 4 * config.width, config.bias)
        self.c_proj = nn.Linear(4 * config.width, config.width, config.bias)

    def forward(self, x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        return self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))


class Block(nn.Module):
    """Attention and MLP, each added to what it reads."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.width, bias=config.bias)
        self.attn = SelfAttention(config)
        self.ln_2 = nn.LayerNorm(config.width, bias=config.bias)
        self.mlp = MLP(config)

    def forward(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d"]:
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    """Logits of the next token at every position."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.config = config
        self.transformer = nn.ModuleDict(
            {
                "wte": nn.Embedding(config.vocabulary, config.width),
                "wpe": nn.Embedding(config.context, config.width),
                "h": nn.ModuleList(Block(config) for _ in range(config.layers)),
                "ln_f": nn.LayerNorm(config.width, bias=config.bias),
            }
        )
        self.lm_head = nn.Linear(config.width, config.vocabulary, bias=False)
        self.lm_head.weight = self.transformer.wte.weight
        self.apply(_initialise)
        for name, parameter in self.named_parameters():
            if name.endswith("c_proj.weight"):
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * config.layers))

    def forward(self, tokens: Int[Tensor, "b t"]) -> Float[Tensor, "b t v"]:
        """Raises InvalidInputError for more tokens than the model has positions."""
        return self.from_block(0, self.embed(tokens))

    def embed(self, tokens: Int[Tensor, "b t"]) -> Float[Tensor, "b t d"]:
        """What the first block reads."""
        length = tokens.shape[1]
        if length > self.config.context:
            raise InvalidInputError(
                f"{length} tokens; this model has {self.config.context} positions. Cut the input."
            )
        positions = torch.arange(length, device=tokens.device)
        return self.transformer.wte(tokens) + self.transformer.wpe(positions)

    def from_block(self, block: int, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t v"]:
        """Logits, from what the block of this number reads."""
        for layer in self.transformer.h[block:]:
            x = layer(x)
        return self.lm_head(self.transformer.ln_f(x))


def split_qkv(model: GPT) -> GPT:
    """Give every block three matrices for queries, keys and values, in place; the same function."""
    for block in model.transformer.h:
        if block.attn.fused:
            block.attn.split()
    return model


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
