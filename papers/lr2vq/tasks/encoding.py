"""Which layers of a network are quantised, into what, and by which method."""

from __future__ import annotations

from functools import partial

import torch
from omegaconf import DictConfig
from torch import nn

from common.compression.references import Start
from common.compression.subvectors import ALONG_IN, Layout
from common.experiment.context import RunContext
from common.nn.cifar_resnet import inner_convolutions
from common.trainers.image_task import calibration_batches
from papers.lr2vq import models, network
from papers.lr2vq.bgd import distil_codebook, quantise_in_order
from papers.lr2vq.sizes import convention

# Of a codebook after its layer was quantised by activations, as of everything afterwards.
_DISTILLATION_LR = 1e-3


def sizes(task: DictConfig, model: nn.Module) -> dict[str, tuple[int, int]]:
    """m and k of each layer that is quantised, in the order of the forward pass."""
    if task.regime == "none":
        size = 1 if task.method == "scalar" else task.size
        chosen = dict.fromkeys(inner_convolutions(model), (size, task.words))
    else:
        regime = convention(task.regime, bottlenecks=task.network == "resnet50")
        _first, *others = (
            name for name, m in model.named_modules() if isinstance(m, (nn.Conv2d, nn.Linear))
        )
        chosen = {name: regime.of(model.get_submodule(name)) for name in others}
    order = ALONG_IN if task.method == "bgd" else task.order
    return {
        name: (
            size,
            network.layout_words(
                Layout(size, order), model.get_submodule(name).weight.shape, words
            ),
        )
        for name, (size, words) in chosen.items()
    }


def dim(task: DictConfig, size: int) -> int:
    """d of a layer: as it is said, or in its proportion to m where m is the regime's."""
    return task.dim if task.regime == "none" else max(1, round(task.dim / task.size * size))


def encode(context: RunContext, start: Start, model: nn.Module) -> None:
    """Replace layers by quantised ones as the configuration says."""
    task = context.config.task
    generator = torch.Generator().manual_seed(context.config.seed)
    chosen = sizes(task, model)
    if task.method == "bgd":
        where = next(model.parameters()).device
        batch_size, seed = context.config.train.batch_size, context.config.seed
        drawn = calibration_batches(start.data.train, task.calibration, batch_size, seed)
        images = [batch.to(where) for batch in drawn]
        tune = partial(distil_codebook, start.model, images, task.tune_steps, _DISTILLATION_LR)
        quantise_in_order(model, images, chosen, generator, weighted=task.weighted, tune=tune)
        return

    def one(name: str, weight: torch.Tensor) -> nn.Module:
        size, words = chosen[name]
        layout = Layout(size, task.order)
        if task.method == "lr2vq":
            return models.quantise(weight, layout, dim(task, size), words, generator)
        if task.method == "low_rank":
            return models.to_low_rank(weight, layout, dim(task, size))
        return models.quantise_plainly(weight, layout, words, generator)

    network.encode_layers(model, chosen, one)


def to_low_rank(task: DictConfig, model: nn.Module) -> dict[str, nn.Module]:
    """The layers as vectors of rank d without codes, to be trained first."""
    chosen = sizes(task, model)

    def one(name: str, weight: torch.Tensor) -> nn.Module:
        size, _ = chosen[name]
        return models.to_low_rank(weight, Layout(size, task.order), dim(task, size))

    return network.encode_layers(model, chosen, one)


def cluster(context: RunContext, start: Start, layers: dict[str, nn.Module]) -> None:
    """Codes for vectors that were trained without."""
    chosen = sizes(context.config.task, start.model)
    generator = torch.Generator().manual_seed(context.config.seed)
    for name, layer in layers.items():
        _, words = chosen[name]
        layer.code = models.cluster(layer.code, words, generator)
