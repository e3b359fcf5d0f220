"""F8, F9, F13, F15: FLoRA, LoRA in two readings, DoRA and full fine-tuning on shifted CIFAR-10."""

from __future__ import annotations

import torch

from common.experiment.context import RunContext, TaskResult
from papers.flora.measures import amplification, norm
from papers.flora.methods import Setting, adapt_network, changes
from papers.flora.protocol import accuracy, shifted, train


def run(context: RunContext) -> TaskResult:
    """``accuracy`` on shifted test images, ``accuracy_before`` without any training; ``numbers``
    that are trained; ``norm`` and ``amplification`` of the change, of all layers together and the
    mean of the layers."""
    task, seed = context.config.task, context.config.seed
    start = shifted(context)
    torch.manual_seed(seed)
    before = start.weights()
    metrics = {"accuracy_before": accuracy(start.model, start.test)}
    setting = Setting(task.rank, task.spatial_rank, task.scale, seed, start.layers, task.in_rank)
    model = adapt_network(start.model, task.method, setting).eval()
    metrics["numbers"] = sum(p.numel() for p in model.parameters() if p.requires_grad)
    metrics["part"] = metrics["numbers"] / sum(weight.numel() for weight in before.values())
    norms: list[float] = []

    def after(step: int) -> None:
        if step % 10 == 0 or step == task.steps:
            norms.append(norm(changes(model, start.layers, before)))

    losses = train(model, start, task, seed, after=after, between=context.stop.raise_if_set)
    metrics["accuracy"] = accuracy(model, start.test)
    metrics["held_out_accuracy"] = accuracy(model, start.held_out)
    found = changes(model, start.layers, before)
    if losses:
        tenth = max(1, len(losses) // 10)
        metrics["late_loss"] = sum(losses[-tenth:]) / tenth
        metrics["norm"] = norm(found)
        metrics["amplification"] = amplification(found, before, task.directions)
    metrics["steps"] = len(losses)
    return TaskResult(metrics, start.entries, curves={"norm": norms, "loss": losses})
