"""F5, F14: are the updates of full fine-tuning nearer to a small core than to LoRA's matrices?"""

from __future__ import annotations

import torch

from common.experiment.context import RunContext, TaskResult
from papers.flora.methods import Setting, adapt_network, changes
from papers.flora.protocol import accuracy, shifted, train
from papers.flora.readings import (
    READINGS,
    core_error,
    core_numbers,
    least_rank,
    matrix_error,
    permuted_taps,
)

BUDGETS = {"small": 4, "middle": 7, "large": 12}


def run(context: RunContext) -> TaskResult:
    """Part of the energy of each layer's update that a form of the same budget captures, mean over
    layers: ``core_<budget>``, ``view_<budget>`` and so on; ``core_best_<budget>``: part of the
    layers where the core captures most; ``permuted_*``: with the taps in one random order.

    LoRA of each reading has the smallest rank with at least as many numbers."""
    task, seed = context.config.task, context.config.seed
    start = shifted(context)
    torch.manual_seed(seed)
    before = start.weights()
    setting = Setting(1, 1, 1.0, seed, start.layers)
    model = adapt_network(start.model, "full", setting).eval()
    losses = train(model, start, task, seed, between=context.stop.raise_if_set)
    found = changes(model, start.layers, before)
    metrics = {"accuracy": accuracy(model, start.test), "steps": len(losses)}
    metrics |= captured({n: c.double() for n, c in found.items()}, "")
    permuted = {n: permuted_taps(c.double(), seed) for n, c in found.items()}
    metrics |= captured(permuted, "permuted_")
    metrics["peft_moved"] = max(
        abs(matrix_error(found[n].double(), "peft", 2) - matrix_error(permuted[n], "peft", 2))
        for n in found
    )
    return TaskResult(metrics, start.entries)


def captured(updates: dict[str, torch.Tensor], prefix: str) -> dict[str, float]:
    """Of every form at every budget."""
    metrics: dict[str, float] = {}
    for budget, rank in BUDGETS.items():
        parts: dict[str, list[float]] = {name: [] for name in ("core", *READINGS)}
        for update in updates.values():
            shape = tuple(update.shape)
            ranks = (rank, rank, 2, 2)
            parts["core"].append(1 - core_error(update, ranks))
            for reading in READINGS:
                own = least_rank(shape, reading, core_numbers(shape, ranks))
                parts[reading].append(1 - matrix_error(update, reading, own))
        for name, values in parts.items():
            metrics[f"{prefix}{name}_{budget}"] = sum(values) / len(values)
        best = [
            all(core > parts[reading][i] for reading in READINGS)
            for i, core in enumerate(parts["core"])
        ]
        metrics[f"{prefix}core_best_{budget}"] = sum(best) / len(best)
    return metrics
