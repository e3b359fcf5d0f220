"""The linear layers, norms and embeddings of LLaMA (Touvron et al. 2023), to be counted."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True)
class LlamaShape:
    """Sizes of a model; the default is the paper's LLaMA-1.3B.

    Attributes:
        width: of the residual stream.
        layers: blocks.
        hidden: of the MLP.
        vocabulary: tokens; embedding and head are not tied.
    """

    width: int = 2048
    layers: int = 24
    hidden: int = 5461
    vocabulary: int = 32_000


def llama_parts(shape: LlamaShape, device: str = "meta") -> nn.ModuleDict:
    """All parameters of the model under their usual names; it computes nothing."""
    with torch.device(device):
        blocks = nn.ModuleList()
        for _ in range(shape.layers):
            block = nn.ModuleDict()
            for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
                block[name] = nn.Linear(shape.width, shape.width, bias=False)
            for name in ("gate_proj", "up_proj"):
                block[name] = nn.Linear(shape.width, shape.hidden, bias=False)
            block["down_proj"] = nn.Linear(shape.hidden, shape.width, bias=False)
            block["input_layernorm"] = nn.RMSNorm(shape.width)
            block["post_attention_layernorm"] = nn.RMSNorm(shape.width)
            blocks.append(block)
        return nn.ModuleDict(
            {
                "embed_tokens": nn.Embedding(shape.vocabulary, shape.width),
                "layers": blocks,
                "norm": nn.RMSNorm(shape.width),
                "lm_head": nn.Linear(shape.width, shape.vocabulary, bias=False),
            }
        )
