"""V4 to V7: a trained ResNet-20, its inner convolutions quantised, then trained for a few steps.

Every method starts from the same weights and takes the same steps of the same optimiser on the same
batches, on its codebooks and on all that is not quantised; what is judged has been rounded to what
is stored.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import nn

from common.compression.decoded import Decoded
from common.compression.references import Start, trained_resnet
from common.compression.subvectors import ALONG_IN, ALONG_OUT, Layout
from common.compression.tuning import Tuning, tune
from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult
from common.nn.cifar_resnet import inner_convolutions
from common.trainers.fit import FitResult
from common.trainers.image_task import accuracy, calibration_batches, train, within
from papers.lr2vq import models, network
from papers.lr2vq.bgd import quantise_in_order
from papers.lr2vq.sizes import dense_bits
from papers.lr2vq.training import QuantisedModule

METHODS = ("lr2vq", "plain", "low_rank", "scalar", "bgd", "pretrain_lowrank")


def run(context: RunContext) -> TaskResult:
    """Accuracy in per cent before and after training, and the size."""
    task, start = context.config.task, trained_resnet(context)
    if task.method not in METHODS:
        raise InvalidInputError(f"task.method={task.method!r}; allowed: {', '.join(METHODS)}.")
    if task.order not in (ALONG_OUT, ALONG_IN):
        raise InvalidInputError(f"task.order={task.order!r}; allowed: {ALONG_OUT}, {ALONG_IN}.")
    if task.reassign_every and task.method in ("low_rank", "pretrain_lowrank"):
        raise InvalidInputError(
            f"task.reassign_every={task.reassign_every} with task.method={task.method}; allowed: "
            "0, since there are no codes while it trains."
        )
    model = start.copy()
    metrics = {"accuracy_dense": accuracy(start.model, start.data.test)}
    if task.method == "pretrain_lowrank":
        first = pretrained(context, start, model)
        metrics["accuracy_low_rank"] = first.val_scores[-1]
    else:
        first = None
        encode(context, start, model)
    if task.method == "bgd":
        metrics["tuning_steps"] = task.tune_steps * len(inner_convolutions(start.model))
    metrics["accuracy_before"] = accuracy(model, start.data.test)
    if task.frozen:
        for code in network.quantised(model):
            code.requires_grad_(False)
    fitted = fit(context, start, model, "training")
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


def encode(context: RunContext, start: Start, model: nn.Module) -> None:
    """Replace the inner convolutions as the configuration says."""
    task = context.config.task
    generator = torch.Generator().manual_seed(context.config.seed)
    names = inner_convolutions(model)
    if task.method == "bgd":
        images = calibration_batches(
            start.data.train, task.calibration, context.config.train.batch_size, context.config.seed
        )
        tuned = partial(distilled, start.model, images, task.tune_steps)
        quantise_in_order(
            model,
            names,
            images,
            task.size,
            task.words,
            generator,
            weighted=task.weighted,
            tune=tuned,
        )
        return
    layout = Layout(1 if task.method == "scalar" else task.size, task.order)

    def one(weight: torch.Tensor) -> nn.Module:
        words = network.layout_words(layout, weight.shape, task.words)
        if task.method == "lr2vq":
            return models.quantise(weight, layout, task.dim, words, generator)
        if task.method == "low_rank":
            return models.to_low_rank(weight, layout, task.dim)
        return models.quantise_plainly(weight, layout, words, generator)

    network.encode_layers(model, names, one)


def pretrained(context: RunContext, start: Start, model: nn.Module) -> FitResult:
    """Train the vectors without codes for the same steps, then cluster them."""
    task = context.config.task
    layout = Layout(task.size, task.order)
    layers = network.encode_layers(
        model, inner_convolutions(model), lambda w: models.to_low_rank(w, layout, task.dim)
    )
    fitted = fit(context, start, model, "low_rank")
    generator = torch.Generator().manual_seed(context.config.seed)
    for layer in layers.values():
        words = network.layout_words(layout, layer.code.shape, task.words)
        layer.code = models.cluster(layer.code, words, generator)
    return fitted


def fit(context: RunContext, start: Start, model: nn.Module, name: str) -> FitResult:
    """The configured steps."""
    task = context.config.task
    shadows = {}
    if task.reassign_every:
        dense = dict(start.model.named_modules())
        shadows = {n: dense[n].weight.detach().clone() for n in inner_convolutions(start.model)}
    return train(
        within(context, name),
        model,
        start.data,
        QuantisedModule,
        teacher=start.model if task.distil else None,
        reassign_every=task.reassign_every,
        shadows=shadows,
    )


def distilled(
    teacher: nn.Module, images: list[torch.Tensor], steps: int, model: nn.Module, layer: Decoded
) -> None:
    """Train one codebook so that the network agrees with the dense one."""
    if steps == 0:
        return
    required = {p: p.requires_grad for p in model.parameters()}
    for parameter in required:
        parameter.requires_grad_(False)
    layer.code.codebook.requires_grad_(True)
    with torch.no_grad():
        pairs = [(batch, teacher(batch).softmax(-1)) for batch in images]
    # Of 5 steps only a mean gradient moves codewords with hundreds of members sensibly.
    hook = layer.code.codebook.register_hook(lambda g: g / layer.code.members()[:, None])
    tune(model, Tuning(pairs, steps=steps, lr=0.01, weight_decay=0.0))
    hook.remove()
    for parameter, was in required.items():
        parameter.requires_grad_(was)
