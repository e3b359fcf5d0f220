"""D10: a layer on input sampled half as often, its step doubled, nothing trained in between."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from omegaconf import OmegaConf
from torch import Tensor

from common.experiment.context import RunContext, TaskResult
from common.nn.s4_model import s4_layer
from papers.s4d.models import basis
from papers.s4d.schema import ModelConfig

STARTS = ("legs", "inv", "lin")
CHANNELS = 16


def run(context: RunContext) -> TaskResult:
    """Relative L2 error at the steps that both rates have, by start and step size."""
    task = context.config.task
    slow, fast = waves(task, task.periods), waves(task, [task.short_period])
    metrics = {}
    for start in STARTS:
        for step in task.steps:
            name = f"{start}_dt{step:g}"
            error, worst = halved_rate(task, start, step, slow)
            metrics |= {f"error_{name}": error, f"worst_channel_{name}": worst}
            metrics[f"error_short_period_{name}"], _ = halved_rate(task, start, step, fast)
            metrics[f"error_unscaled_{name}"], _ = halved_rate(task, start, step, slow, rate=1.0)
    return TaskResult(metrics)


def waves(task, periods: list[float]) -> Float[Tensor, " length"]:
    """Sines that fade in over ``ramp`` steps."""
    t = torch.arange(task.length, dtype=torch.float64)
    u = sum(torch.sin(2 * math.pi * t / period) for period in periods)
    return u * (t / task.ramp).clamp(max=1)


def halved_rate(task, start: str, step: float, u: Tensor, rate: float = 2.0) -> tuple[float, float]:
    """|y(every second input, rate) - every second y| / |every second y|: over all channels of
    random C together, and of the worst one."""
    model = OmegaConf.structured(
        ModelConfig(
            initialiser=start,
            state_size=task.state_size,
            d_model=CHANNELS,
            bidirectional=False,
            feedthrough=False,
            dt_min=step,
            dt_max=step,
        )
    )
    torch.manual_seed(0)
    layer = s4_layer(model, [basis(model)]).double().requires_grad_(False)
    u = u[None, :, None].expand(1, -1, CHANNELS).contiguous()
    full, half = layer(u)[0][:, ::2], layer(u[:, ::2], rate=rate)[0]
    error = torch.linalg.vector_norm(full - half, dim=(0, 1))
    size = torch.linalg.vector_norm(full, dim=(0, 1))
    whole = torch.linalg.vector_norm(error) / torch.linalg.vector_norm(size)
    return float(whole), float((error / size).max())
