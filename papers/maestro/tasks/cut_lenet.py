"""M4 and M6 on LeNet from scratch: train, then cut every layer to a part of its rank."""

from __future__ import annotations

import torch
from omegaconf import OmegaConf
from torch import nn

from common.compression.costs import macs, parameters
from common.data.catalogue import load
from common.data.labelled_images import ImageData
from common.experiment.context import RunContext, TaskResult, data_entry
from common.experiment.machine import device
from common.trainers.image_module import ImageModule
from common.trainers.image_task import accuracy, train, within
from papers.maestro.lod import decompose
from papers.maestro.models import MaestroModule, OrderedDecomposition
from papers.maestro.networks import LeNet
from papers.maestro.ranks import at_ranks, by_part, ordered_layers
from papers.maestro.tasks.cut_resnet import comparisons


def run(context: RunContext) -> TaskResult:
    """Accuracy in per cent of each training at each part of the ranks."""
    task = context.config.task
    data = load(OmegaConf.to_object(task.dataset), context.data)
    metrics = {}
    model = start(context)
    train(within(context, "plain"), model, data, ImageModule)
    decompose(model)
    metrics |= cuts("svd", model, data, task.parts)
    for sampling in task.samplings:
        model = start(context)
        layers = decompose(model).values()
        method = OrderedDecomposition(
            model,
            layers,
            sampling=sampling,
            group_lasso=task.group_lasso,
            seed=context.config.seed,
        )
        train(within(context, sampling), model, data, MaestroModule, method=method)
        metrics |= cuts(sampling, model, data, task.parts)
    metrics |= comparisons(metrics, list(task.samplings), list(task.parts))
    metrics["accuracy"] = metrics[f"{task.samplings[0]}_at_{task.parts[-1]:g}"]
    return TaskResult(metrics, [data_entry(data)], list(data.notes))


def start(context: RunContext) -> nn.Module:
    """The network as the run's seed initialises it: the same for every training."""
    torch.manual_seed(context.config.seed)
    return LeNet().to(device(context.config.trainer))


def cuts(name: str, model: nn.Module, data: ImageData, parts: list[float]) -> dict[str, float]:
    """Accuracy, and cost over that of the dense network, at each part of the ranks."""
    metrics, layers, dense = {}, ordered_layers(model), LeNet()
    image = torch.zeros(1, 1, 28, 28)
    for part in parts:
        small = at_ranks(model, by_part(layers, part))
        metrics[f"{name}_at_{part:g}"] = accuracy(small, data.test)
        counted = sum(macs(small, image.to(next(small.parameters()).device)).values())
        metrics[f"macs_at_{part:g}"] = counted / sum(macs(dense, image).values())
        metrics[f"parameters_at_{part:g}"] = parameters(small) / parameters(dense)
    return metrics
