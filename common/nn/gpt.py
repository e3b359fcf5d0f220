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
    """

    vocabulary: int = 1024
    context: int = 256
    layers: int = 4
    heads: int = 3
    width: int = 192
    bias: bool = True
    fused_qkv: bool = True

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise InvalidInputError(f"heads={self.heads} does not divide width={self.width}.")


class SelfAttention(nn.Module):
    """Causal attention of every position to those before it."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.heads = config.heads
        width, bias = config.width, config.bias
        if config.fused_qkv:
            self.c_attn = nn.Linear(width, 3 * width, bias)
        else:
            self.q_proj = nn.Linear(width, width, bias)
            self.k_proj = nn.Linear(width, width, bias)
            self.v_proj = nn.Linear(width, width, bias)
        self.c_proj = nn.Linear(width, width, bias)

    @property
    def fused(self) -> bool:
        """Whether queries, keys and values come from one matrix."""
        return hasattr(self, "c_attn")

    def forward(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d"]:
        if self.fused:
            q, k, v = self.c_attn(x).chunk(3, -1)
        else:
            q, k, v = self.q_proj(x), self.k_proj(x), self.v_proj(x)
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (q, k, v))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.c_proj(mixed.transpose(1, 2).flatten(2))

    @torch.no_grad()
    def split(self) -> None:
        """Replace ``c_attn`` by three matrices that compute the same."""
        fused, bias = self.c_attn, self.c_attn.bias
        for name, weight, part in zip(
            ("q_proj", "k_proj", "v_proj"),
            fused.weight.chunk(3),
            (None,) * 3 if bias is None else bias.chunk(3),
            strict=True,
        ):
            layer = nn.Linear(weight.shape[1], weight.shape[0], part is not None).to(weight)
            layer.weight.copy_(weight)
            if part is not None:
                layer.bias.copy_(part)
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
        length = tokens.shape[1]
        if length > self.config.context:
            raise InvalidInputError(
                f"{length} tokens; this model has {self.config.context} positions. Cut the input."
            )
        positions = torch.arange(length, device=tokens.device)
        x = self.transformer.wte(tokens) + self.transformer.wpe(positions)
        for block in self.transformer.h:
            x = block(x)
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
