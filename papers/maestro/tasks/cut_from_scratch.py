"""M4 and M6 on a network trained here: train, then cut every layer to a part of its rank."""

from __future__ import annotations

import torch
from omegaconf import OmegaConf
from torch import nn

from common.data.catalogue import load
from common.experiment.context import RunContext, TaskResult, data_entry
from common.experiment.machine import device
from common.trainers.equal_steps import equal_steps
from common.trainers.image_module import ImageModule
from common.trainers.image_task import train, within
from papers.maestro.lod import decompose
from papers.maestro.models import MaestroModule, OrderedDecomposition
from papers.maestro.networks import network
from papers.maestro.tasks.calibration import calibration, check_calibration
from papers.maestro.tasks.cuts import check_cuts, comparisons, cuts


def run(context: RunContext) -> TaskResult:
    """Accuracy in per cent of each training at each part of the ranks."""
    task = context.config.task
    check_cuts(task.samplings, task.parts)
    model = start(context)
    data = load(OmegaConf.to_object(task.dataset), context.data)
    check_calibration(context, data.train)
    images = calibration(context, data.train)
    image = data.test.pixel_scale(data.test.inputs[:1])
    whole = start(context), image, data.test
    steps = [train(within(context, "plain"), model, data, ImageModule).steps]
    decompose(model)
    metrics = cuts("svd", model, *whole, task.parts, images)
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
        trained = within(context, sampling), model, data, MaestroModule
        steps.append(train(*trained, method=method).steps)
        metrics |= cuts(sampling, model, *whole, task.parts, images, globally=True)
    metrics |= comparisons(metrics, list(task.samplings), list(task.parts))
    metrics["steps"] = equal_steps(steps)
    metrics["accuracy"] = metrics[f"{task.samplings[0]}_at_1"]
    return TaskResult(metrics, [data_entry(data)], list(data.notes))


def start(context: RunContext) -> nn.Module:
    """The network as the run's seed initialises it: the same for every training."""
    torch.manual_seed(context.config.seed)
    task = context.config.task
    return network(task.network).to(device(context.config.trainer))
