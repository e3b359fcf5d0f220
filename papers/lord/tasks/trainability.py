"""L9: at half of all ranks, a hundred steps on the factors win part of the perplexity back."""

from __future__ import annotations

import torch
from torch import nn

from common.compression.factorised import LowRankLinear
from common.compression.language_models import trained_lm
from common.compression.ranks import by_fraction
from common.experiment.context import RunContext, TaskResult
from common.trainers.language_model import Recipe, train
from papers.lord.models import AFM, decompositions, linear_layers, low_rank


def run(context: RunContext) -> TaskResult:
    """``recovered``: per cent of the perplexity lost by factorising; only factors and their biases
    are trained, on the files that the model was trained on. The intact model takes the same steps
    (``intact_after``): what they give it anyway is no recovery (``recovered_of_trained``)."""
    config = context.config
    task, start = config.task, trained_lm(context)
    targets = linear_layers(start.model)
    batches = start.calibration(task.calibration_tokens, config.seed)
    ranks = {n: by_fraction(task.fraction, min(x.weight.shape)) for n, x in targets.items()}
    model = low_rank(start.model, decompositions(start.model, targets, batches, AFM), ranks)
    model.requires_grad_(False)
    for module in model.modules():
        if isinstance(module, LowRankLinear):
            module.requires_grad_(True)
    metrics = {
        "intact": start.perplexity(start.model, task.judged_tokens),
        "before": start.perplexity(model, task.judged_tokens),
    }
    recipe = Recipe(
        steps=task.steps,
        batch_size=task.batch_size,
        context=start.context,
        lr=task.lr,
        warmup=min(5, task.steps),
        decay=0.5,
        weight_decay=0.0,
        seed=config.seed,
    )

    def sgd(parameters: list) -> torch.optim.Optimizer:
        return torch.optim.SGD(parameters, task.lr, task.momentum)

    def trained(changed: nn.Module, name: str) -> tuple[float, list[float]]:
        losses = train(
            changed,
            start.corpus.train,
            recipe,
            make_optimiser=sgd,
            folder=context.folder / name,
            every=20,
            between=context.stop.raise_if_set,
        )
        return start.perplexity(changed, task.judged_tokens), losses

    whole = start.copy().requires_grad_(False)
    for layer in linear_layers(whole).values():
        layer.requires_grad_(True)
    metrics["intact_after"], _ = trained(whole, "whole")
    metrics["after"], losses = trained(model, "training")
    won = metrics["before"] - metrics["after"]
    metrics["recovered"] = 100 * won / (metrics["before"] - metrics["intact"])
    metrics["recovered_of_trained"] = 100 * won / (metrics["before"] - metrics["intact_after"])
    return TaskResult(metrics | start.gate, start.entries, start.notes, curves={"loss": losses})
