"""M5: the group lasso lets ranks shrink during training; and the published trainings.

One training a run: ordered decomposition, or one of its controls, on LeNet, VGG-19 or ResNet-18.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from omegaconf import DictConfig, OmegaConf, open_dict
from torch import Tensor, nn

from common.compression.costs import macs, parameters
from common.compression.layers import select
from common.data.catalogue import load
from common.data.labelled_images import ImageData
from common.errors import InvalidInputError, MissingDataError
from common.experiment.context import RunContext, TaskResult, data_entry
from common.experiment.machine import device
from common.nn.imagenet_resnet import ImageNetResNet
from common.trainers.image_module import ImageModule
from common.trainers.image_task import accuracy, train, within
from papers.maestro.lod import decompose
from papers.maestro.models import MaestroModule, OrderedDecomposition
from papers.maestro.networks import LeNet, Vgg19
from papers.maestro.pufferfish import to_fixed_rank
from papers.maestro.ranks import at_ranks, ordered_layers
from papers.maestro.step_cost import StepCost
from papers.maestro.tasks.calibration import calibration

METHODS = ("maestro", "spectral", "pufferfish", "dense")


def run(context: RunContext) -> TaskResult:
    """Accuracy in per cent of the network that is left, its size, and what training it cost."""
    task = context.config.task
    if task.method not in METHODS:
        raise InvalidInputError(f"task.method={task.method!r}; allowed: {', '.join(METHODS)}.")
    if task.network == "resnet50":
        raise MissingDataError(
            "ImageNet",
            "Its images do not fit in memory, and there is no loader for them here; put "
            "OrderedDecomposition into your own loop (README, use one piece of it).",
        )
    data = load(OmegaConf.to_object(task.dataset), context.data)
    torch.manual_seed(context.config.seed)
    model = network(task, data).to(device(context.config.trainer))
    image = data.test.pixel_scale(data.test.inputs[:1].to(device(context.config.trainer)))
    dense = parameters(model), sum(macs(model, image).values())
    context, warm = warm_up(context, model, data)
    if task.method in ("maestro", "spectral"):
        small, metrics, curves = ordered(context, model, data, image)
    else:
        if task.method == "pufferfish":
            to_fixed_rank(model, task.rank_ratio, task.first_dense)
        result = train(within(context, "training"), model, data, ImageModule)
        small, curves = model.eval(), {"test_accuracy": result.val_scores}
        metrics = {"steps": result.steps, "seconds_per_step": result.seconds_per_step}
    metrics["steps"] += warm
    metrics |= {
        "dense_macs": dense[1],
        "accuracy": accuracy(small, data.test),
        "parameters": parameters(small),
        "parameters_part": parameters(small) / dense[0],
        "macs_part": sum(macs(small, image).values()) / dense[1],
    }
    return TaskResult(metrics, [data_entry(data)], list(data.notes), curves=curves)


def network(task: DictConfig, data: ImageData) -> nn.Module:
    """As it is initialised."""
    if task.network == "lenet":
        return LeNet(data.n_classes)
    if task.network == "vgg19":
        return Vgg19(data.n_classes, group_norm=task.group_norm)
    if task.network == "resnet18":
        return ImageNetResNet(18, data.n_classes, small=True)
    raise InvalidInputError(
        f"task.network={task.network!r}; allowed: lenet, vgg19, resnet18, resnet50."
    )


def warm_up(context: RunContext, model: nn.Module, data: ImageData) -> tuple[RunContext, int]:
    """The first epochs, of the dense network; what is left of the training, and the steps taken.

    Raises:
        InvalidInputError: they leave no epoch, or reach into the decay of the rate.
    """
    config = context.config
    first, total = config.task.warmup_epochs, config.train.epochs
    if not first:
        return context, 0
    decay = min(config.optimizer.milestones) if config.optimizer.schedule == "steps" else 1.0
    if first >= total * decay or config.optimizer.schedule == "linear":
        raise InvalidInputError(
            f"task.warmup_epochs={first}; allowed: fewer than train.epochs={total}, and than the "
            "epochs at the first rate."
        )
    early, late = config.copy(), config.copy()
    with open_dict(early), open_dict(late):
        early.train.epochs, late.train.epochs = first, total - first
        early.optimizer.schedule = "constant"
        # The same epochs as without a warm-up, as parts of fewer.
        late.optimizer.milestones = [
            (part * total - first) / (total - first) for part in config.optimizer.milestones
        ]
    warmed = train(replace(within(context, "warm_up"), config=early), model, data, ImageModule)
    return replace(context, config=late), warmed.steps


def dense_names(model: nn.Module, task: DictConfig) -> list[str]:
    """Layers that stay as they are: the first ones, and the last."""
    names = list(select(model, (nn.Linear, nn.Conv2d)))
    return names[: task.first_dense] + (names[-1:] if task.last_dense else [])


def ordered(
    context: RunContext, model: nn.Module, data: ImageData, image: Tensor
) -> tuple[nn.Module, dict[str, float], dict[str, list[float]]]:
    """Train in ordered factors; then cut physically to what is left."""
    task = context.config.task
    whole = [layer.rank for layer in decompose(model, exclude=dense_names(model, task)).values()]
    layers = ordered_layers(model)
    sampling = "none" if task.method == "spectral" else task.sampling
    cost = StepCost.of(model, layers, image, sampling, task.full_pass)
    method = OrderedDecomposition(
        model,
        layers.values(),
        sampling=sampling,
        group_lasso=task.group_lasso,
        hierarchical=task.hierarchical,
        full_pass=task.full_pass,
        least=task.least,
        seed=context.config.seed,
    )
    trained = train(within(context, "training"), model, data, MaestroModule, method=method)
    method.after_epoch()
    ranks = {name: layer.rank for name, layer in layers.items()}
    small = at_ranks(model, ranks, calibration(context, data.train))
    metrics = {
        "steps": trained.steps,
        "seconds_per_step": trained.seconds_per_step,
        "accuracy_before_cut": trained.val_scores[-1],
        "rank_sum": sum(method.ranks()),
        "rank_sum_whole": sum(whole),
        "step_macs": cost.mean([whole, *method.ranks_of_epochs]),
        "step_macs_last": cost.at(method.ranks()),
        "step_macs_whole": cost.at(whole),
    }
    return small, metrics, {"test_accuracy": trained.val_scores}
