"""S8, S13, S14, S15: one method, one rate, one seed; perplexity, time, memory, pruning."""

from __future__ import annotations

import math

import torch

from common.experiment.context import RunContext, TaskResult
from papers.sst.accounting import dense_size, predicted_bytes, trainable, training_bytes
from papers.sst.language import LanguageTask, final_loss, share_of_time, spikes
from papers.sst.methods import FULL, SST, Trained
from papers.sst.models import SpectralLinear
from papers.sst.pruning import OF_COUNT, OF_SUM, area, concentration


def run(context: RunContext) -> TaskResult:
    """``perplexity`` is of the test files, ``val_loss`` of the validation files, by which a rate is
    chosen; ``spikes`` steps whose loss is far above those before; ``state_bytes`` what Adam keeps
    for the layers, ``state_bytes_error`` its distance from the formula; ``pruning_area`` see
    ``papers.sst.pruning``."""
    work, task = LanguageTask(context), context.config.task
    trained, log = work.fit(task.method, task.lr, folder="training")
    model = trained.model
    metrics = {
        "perplexity": math.exp(work.log_perplexity(model, "test", task.test_tokens)),
        "val_loss": work.log_perplexity(model, "val", task.val_tokens),
        "final_loss": final_loss(log),
        "spikes": float(spikes(log.losses)),
        "steps": float(task.steps),
        "seconds": log.seconds,
        "svd_share": share_of_time(log),
        "rounds": float(log.rounds),
        "trained_parameters": float(trainable(model)),
        "trained_share": 100 * trainable(model) / dense_size(model),
        "state_bytes": float(log.state_bytes),
        "training_bytes": float(training_bytes(trained)),
        "state_bytes_error": float(abs(log.state_bytes - predicted_bytes(trained))),
    }
    if trained.method.name in (FULL, SST) and task.prune:
        metrics |= pruning_metrics(work, trained)
    curve = [sum(part) / len(part) for part in blocks(log.losses, 10)]
    return TaskResult(metrics, work.data(), work.notes(), curves={"loss": curve})


def pruning_metrics(work: LanguageTask, trained: Trained) -> dict[str, float]:
    """Areas by the share of the sum and by that of the count, the increase at each share, and how
    much of its sum the largest tenth of a layer's singular values holds."""
    task, names = work.task, list(trained.layers)

    def judge(model: torch.nn.Module) -> float:
        work.context.stop.raise_if_set()
        return work.log_perplexity(model, "val", task.pruning_tokens)

    found = {}
    for by in (OF_SUM, OF_COUNT):
        whole, values = area(trained.model, names, task.shares, judge, by)
        suffix = "" if by == OF_SUM else "_count"
        found[f"pruning_area{suffix}"] = whole
        for share, value in zip(task.shares, values, strict=True):
            found[f"pruned{suffix}_{round(100 * share)}"] = value
    parts = []
    for layer in trained.layers.values():
        dense = layer.weight() if isinstance(layer, SpectralLinear) else layer.weight.detach()
        parts.append(concentration(torch.linalg.svdvals(dense.float())))
    found["concentration"] = 100 * sum(parts) / len(parts)
    return found


def blocks(values: list[float], size: int) -> list[list[float]]:
    """Cut into parts of ``size``, the last one as it comes."""
    return [values[i : i + size] for i in range(0, len(values), size)]
