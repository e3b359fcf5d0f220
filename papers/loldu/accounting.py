"""Numbers of trained parameters of the paper's models, in closed form (rank table, Table I)."""

from __future__ import annotations

LLAMA2_7B = 6_738_415_616  # parameters
LLAMA2_MODULES = 64  # queries and values of 32 layers
VIT_MODULES = 24  # queries and values of 12 layers


def counts() -> dict[str, float]:
    """r a layer, one more where sigma is trained; what LLaMA's table has, and against LoRA."""
    llama = LLAMA2_MODULES * 256
    lora_64 = LLAMA2_MODULES * 64 * (4096 + 4096)
    return {
        "vit_r1": VIT_MODULES,
        "vit_r768": VIT_MODULES * 768,
        "vit_r768_with_scale": VIT_MODULES * 769,
        "llama_r256": llama,
        "llama_r1024": LLAMA2_MODULES * 1024,
        "llama_per_cent": 100 * llama / LLAMA2_7B,
        "lora64_over_llama": lora_64 / llama,
    }
