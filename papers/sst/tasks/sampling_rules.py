"""S12: five rules of drawing the active triples, a random start, and other ablations."""

from __future__ import annotations

import math

from common.experiment.context import RunContext, TaskResult
from papers.sst.language import LanguageTask, final_loss
from papers.sst.methods import SST


def run(context: RunContext) -> TaskResult:
    """``<name>_loss``: mean training loss of the last 50 steps, all from the same start (but
    ``sst_random_start``, which loses it) on the same windows at the same rate; ``<name>_val_loss``
    on validation files."""
    work, task = LanguageTask(context), context.config.task
    metrics: dict[str, float] = {}
    for name in context.track([SST, *task.ablations], "ablations"):
        trained, log = work.fit(name, task.lr, folder=f"training_{name}")
        metrics[f"{name}_loss"] = final_loss(log)
        metrics[f"{name}_val_loss"] = work.log_perplexity(trained.model, "val", task.val_tokens)
    metrics["perplexity"] = math.exp(metrics[f"{SST}_val_loss"])
    return TaskResult(metrics, work.data(), work.notes())
