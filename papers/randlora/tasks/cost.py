"""R12: bytes of bases and of what is kept for backward, and the time of a step, against LoRA."""

from __future__ import annotations

import torch
from torch import nn

from common.adapters.cost import kept_bytes, medians, step
from common.adapters.plain import adapt
from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from common.fine_tuning.baselines import Choice, lora
from papers.randlora.models import RandLoRAMethod


def run(context: RunContext) -> TaskResult:
    """``kept_*``: bytes of one layer's forward pass that backward needs, parameters, buffers and
    the input apart; ``kept_bound``: LoRA's, and n r + n d + T n r numbers. ``bases_bytes`` of a
    model of several layers, and ``bases_copies`` of them. ``step_over_lora`` and
    ``step_over_frozen``: medians of forward and backward."""
    task = context.config.task
    where = device(context.config.trainer)
    torch.manual_seed(context.config.seed)
    width, tokens, rank = task.width, task.tokens, task.rank
    number = -(-width // rank)
    models = {
        "frozen": _layers(task, where).requires_grad_(False),
        "randlora": _adapted(task, where),
        "lora": lora(_layers(task, where), Choice(["*"], task.lora_rank, None, 0)).to(where),
    }
    x = torch.randn(tokens, width, device=where)
    kept = {
        name: kept_bytes(model[0] if name != "lora" else _inner(model)[0], x)
        for name, model in models.items()
    }
    few = torch.randn(task.few_tokens, width, device=where)
    factored = kept_bytes(models["randlora"][0], few)
    lora_few = kept_bytes(_inner(models["lora"])[0], few)
    pointers = {layer.adapter.bases.long.data_ptr() for layer in models["randlora"]}
    bases = models["randlora"][0].adapter.bases
    times = medians({name: step(model, x) for name, model in models.items()}, task.rounds)
    numbers = number * rank + number * width
    metrics = {
        "kept_randlora": kept["randlora"],
        "kept_lora": kept["lora"],
        "kept_bound": kept["lora"] + 4 * (numbers + tokens * number * rank),
        "kept_factored": factored,
        "kept_lora_few": lora_few,
        "kept_factored_bound": lora_few + 4 * (numbers + task.few_tokens * number * rank),
        "bases_bytes": sum(b.numel() * b.element_size() for b in bases.buffers()),
        "bases_copies": len(pointers),
        "step_over_lora": times["randlora"] / times["lora"],
        "step_over_frozen": times["randlora"] / times["frozen"],
    }
    return TaskResult(metrics)


def _layers(task, where: torch.device) -> nn.Sequential:
    return nn.Sequential(*(nn.Linear(task.width, task.width) for _ in range(task.layers))).to(where)


def _adapted(task, where: torch.device) -> nn.Sequential:
    model = _layers(task, where)
    adapt(model, RandLoRAMethod(rank=task.rank))
    return model


def _inner(model: nn.Module) -> nn.Module:
    return model.base_model.model
