"""F12: time and kept bytes of a convolution with FLoRA, LoRA and DoRA beside it."""

from __future__ import annotations

import torch
from torch import nn

from common.adapters.cost import kept_bytes, medians, step
from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from papers.flora.methods import Setting, adapt_network


def run(context: RunContext) -> TaskResult:
    """Medians of forward and backward with the input's gradient, as ratios; ``bytes_*``: kept for
    backward besides parameters and the input. ``*_keeping``: of FLoRA where the thin channels
    are kept, not formed again."""
    task = context.config.task
    where = device(context.config.trainer)
    torch.manual_seed(context.config.seed)
    x = torch.randn(task.batch_size, task.channels, task.side, task.side, device=where)
    models = {}
    for name in ("none", "flora", "flora_keeping", "lora", "dora"):
        rank = task.rank if name.startswith("flora") else task.lora_rank
        setting = Setting(rank, task.spatial_rank, 4.0, 0, ("0",))
        base = nn.Sequential(nn.Conv2d(task.channels, task.channels, 3, padding=1)).to(where)
        models[name] = adapt_network(base, name, setting).to(where)
    seconds = medians({name: step(model, x) for name, model in models.items()}, task.rounds)
    metrics = {f"bytes_{name}": kept_bytes(model, x) for name, model in models.items()}
    metrics["time_over_dora"] = seconds["flora"] / seconds["dora"]
    metrics["time_over_lora"] = seconds["flora"] / seconds["lora"]
    metrics["time_keeping_over_lora"] = seconds["flora_keeping"] / seconds["lora"]
    metrics["time_over_frozen"] = seconds["flora"] / seconds["none"]
    for name in ("flora", "lora"):
        trained = (p.numel() for p in models[name].parameters() if p.requires_grad)
        metrics[f"numbers_{name}"] = sum(trained)
    return TaskResult(metrics)
