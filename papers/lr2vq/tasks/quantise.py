"""V4 to V7: a trained ResNet-20, its inner convolutions quantised, then trained for a few steps.

Every method starts from the same weights and takes as many steps of the same optimiser, on its
codebooks and on all that is not quantised; what is judged has been rounded to what is stored.
"""

from __future__ import annotations

from dataclasses import replace

from omegaconf import open_dict
from torch import nn

from common.compression.references import Start, trained_resnet
from common.experiment.context import RunContext, TaskResult
from common.trainers.fit import FitResult
from common.trainers.image_task import accuracy, train, within
from papers.lr2vq import network
from papers.lr2vq.sizes import dense_bits
from papers.lr2vq.tasks.encoding import cluster, encode, sizes, to_low_rank
from papers.lr2vq.tasks.settings import check_settings
from papers.lr2vq.training import LiteratureModule, QuantisedModule

# Images of the second of two trainings come in the orders of another seed.
_SECOND = 1_000_000


def run(context: RunContext) -> TaskResult:
    """Accuracy in per cent before and after training, and the size."""
    task = context.config.task
    check_settings(task)
    start = trained_resnet(context)
    model = start.copy()
    chosen = sizes(task, model)
    metrics = {"accuracy_dense": accuracy(start.model, start.data.test)}
    first = None
    if task.method == "pretrain_lowrank":
        layers = to_low_rank(task, model)
        first = fit(context, start, model, "low_rank")
        metrics["accuracy_low_rank"] = first.val_scores[-1]
        cluster(context, start, layers)
    else:
        encode(context, start, model)
    if task.method == "bgd":
        metrics["tuning_steps"] = task.tune_steps * len(chosen)
    metrics["accuracy_before"] = accuracy(model, start.data.test)
    if task.frozen:
        for code in network.quantised(model):
            code.requires_grad_(False)
    fitted = fit(second(context) if first else context, start, model, "training")
    for code in network.quantised(model):
        code.orthonormalise()
        code.to_half()
    metrics |= {
        "accuracy": accuracy(model, start.data.test),
        "accuracy_before_rounding": fitted.val_scores[-1],
        "steps": fitted.steps + (first.steps if first else 0),
        "factor": dense_bits(start.model) / network.bits(model),
        "bytes": network.bits(model) / 8,
        "file_bytes": network.file_bytes(model),
    }
    metrics["gain"] = metrics["accuracy"] - metrics["accuracy_before"]
    return TaskResult(metrics, start.entries, list(start.data.notes))


def second(context: RunContext) -> RunContext:
    """The same run, with images in another order: a training after one that has seen the first."""
    config = context.config.copy()
    with open_dict(config):
        config.seed += _SECOND
    return replace(context, config=config)


def fit(context: RunContext, start: Start, model: nn.Module, name: str) -> FitResult:
    """The configured steps."""
    task = context.config.task
    shadows = {}
    if task.reassign_every:
        dense = dict(start.model.named_modules())
        shadows = {n: dense[n].weight.detach().clone() for n in sizes(task, start.model)}
    return train(
        within(context, name),
        model,
        start.data,
        LiteratureModule if task.literature else QuantisedModule,
        teacher=start.model if task.distil else None,
        reassign_every=task.reassign_every,
        shadows=shadows,
    )
