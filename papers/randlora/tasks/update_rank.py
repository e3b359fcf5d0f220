"""R7: at equal numbers, the loss falls with the rank that an update can have."""

from __future__ import annotations

import torch
from torch import nn

from common.adapters.plain import adapt
from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult
from papers.randlora.bases import Law
from papers.randlora.models import RandLoRAMethod
from papers.randlora.targets import orthogonal
from papers.randlora.variants import SummedMethod

ARMS = ("a", "b", "full")


def run(context: RunContext) -> TaskResult:
    """y = (W0 + W) x, W orthogonal; ``loss``: held out, relative to that of W0 alone.

    Arm ``a`` is RandLoRA-a, of rank r; ``b`` has half of the rank at as many bases; ``full`` is
    RandLoRA."""
    task, seed = context.config.task, context.config.seed
    if task.arm not in ARMS:
        raise InvalidInputError(f"task.arm={task.arm!r}; allowed: {', '.join(ARMS)}.")
    torch.manual_seed(seed)
    size = task.size
    student = nn.Sequential(nn.Linear(size, size, bias=False))
    teacher = student[0].weight.detach().clone()
    teacher += orthogonal(size, torch.Generator().manual_seed(seed)).float()
    base = student[0].weight.detach().clone()
    adapters = adapt(student, method(task, seed))
    optimiser = torch.optim.Adam(student[0].adapter.parameters(), task.lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, task.steps)
    losses = []
    for _ in context.track(range(task.steps), f"arm {task.arm}"):
        x = torch.randn(task.batch_size, size)
        loss = (student(x) - x @ teacher.mT).square().sum(1).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        losses.append(loss.item() / size)
    x = torch.randn(task.held_out, size)
    with torch.no_grad():
        left = (student(x) - x @ teacher.mT).square().sum()
        alone = (x @ base.mT - x @ teacher.mT).square().sum()
    tenth = max(1, task.steps // 10)
    metrics = {
        "loss": float(left / alone),
        "numbers": sum(adapter.number() for adapter in adapters.values()),
        "update_rank": int(torch.linalg.matrix_rank(adapters["0"].change().double(), rtol=1e-5)),
        # A plateau: the last tenth of the training against the one before it.
        "last_change": 1 - sum(losses[-tenth:]) / sum(losses[-2 * tenth : -tenth]),
    }
    return TaskResult(metrics, curves={"loss": losses[:: max(1, task.steps // 100)]})


def method(task, seed: int):
    """Each arm at an update that is as large as its diagonals make it."""
    law = Law("normal")
    if task.arm == "a":
        return SummedMethod(rank=task.rank, alpha=task.rank, law=law, seed=seed)
    if task.arm == "full":
        return RandLoRAMethod(rank=task.rank, alpha=task.rank, law=law, seed=seed)
    half = task.rank // 2
    bases = task.size // task.rank
    return RandLoRAMethod(rank=half, num_bases=bases, alpha=half, law=law, seed=seed)
