"""Numbers of trained parameters of the paper's models, in closed form (rank table, Table I)."""

from __future__ import annotations

from torch import nn

from common.adapters.sites import site
from papers.loldu.models import LoLDUMethod

LLAMA2_7B = 6_738_415_616  # parameters
LLAMA2_MODULES = 64  # queries and values of 32 layers
VIT_MODULES = 24  # queries and values of 12 layers


def numbers(rank: int, train_scale: bool = False) -> int:
    """Of a layer, whatever its shape."""
    return rank + train_scale


def count_error() -> int:
    """Largest difference of the closed form from an adapter that is built, of ViT's layers."""
    place = site("query", nn.Linear(768, 768))
    settings = [(1, False), (768, False), (768, True)]
    found = [LoLDUMethod(rank=r, train_scale=s).build(place, None, 0).number() for r, s in settings]
    return max(
        abs(number - numbers(*setting)) for number, setting in zip(found, settings, strict=True)
    )


def counts() -> dict[str, float]:
    """r a layer, one more where sigma is trained; what LLaMA's table has, and against LoRA."""
    llama = LLAMA2_MODULES * numbers(256)
    lora_64 = LLAMA2_MODULES * 64 * (4096 + 4096)
    return {
        "vit_r1": VIT_MODULES * numbers(1),
        "vit_r768": VIT_MODULES * numbers(768),
        "vit_r768_with_scale": VIT_MODULES * numbers(768, train_scale=True),
        "count_error": count_error(),
        "llama_r256": llama,
        "llama_r1024": LLAMA2_MODULES * numbers(1024),
        "llama_per_cent": 100 * llama / LLAMA2_7B,
        "lora64_over_llama": lora_64 / llama,
    }
