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
from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult, data_entry
from common.experiment.machine import device
from common.nn.imagenet_resnet import ImageNetResNet
from common.trainers.image_module import ImageModule
from common.trainers.image_task import accuracy, calibration_batches, train, within
from papers.maestro.layers import Ordered
from papers.maestro.lod import decompose
from papers.maestro.models import MaestroModule, OrderedDecomposition
from papers.maestro.networks import LeNet, Vgg19
from papers.maestro.pufferfish import to_fixed_rank
from papers.maestro.ranks import at_ranks, ordered_layers

METHODS = ("maestro", "spectral", "pufferfish", "dense")


def run(context: RunContext) -> TaskResult:
    """Accuracy in per cent of the network that is left, its size, and what training it cost."""
    task = context.config.task
    if task.method not in METHODS:
        raise InvalidInputError(f"task.method={task.method!r}; allowed: {', '.join(METHODS)}.")
    data = load(OmegaConf.to_object(task.dataset), context.data)
    torch.manual_seed(context.config.seed)
    model = network(task, data).to(device(context.config.trainer))
    image = data.test.pixel_scale(data.test.inputs[:1].to(device(context.config.trainer)))
    dense = parameters(model), sum(macs(model, image).values())
    if task.warmup_epochs:
        warm_up(context, model, data)
    if task.method in ("maestro", "spectral"):
        small, metrics, curves = ordered(context, model, data, image)
    else:
        if task.method == "pufferfish":
            to_fixed_rank(model, task.rank_ratio, task.first_dense)
        result = train(within(context, "training"), model, data, ImageModule)
        small, curves = model.eval(), {"test_accuracy": result.val_scores}
        metrics = {"steps": result.steps, "seconds_per_step": result.seconds_per_step}
    metrics |= {
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
    raise InvalidInputError(f"task.network={task.network!r}; allowed: lenet, vgg19, resnet18.")


def warm_up(context: RunContext, model: nn.Module, data: ImageData) -> None:
    """Epochs of the dense network before its factors, at the first rate."""
    config = context.config.copy()
    with open_dict(config):
        config.train.epochs = config.task.warmup_epochs
        config.optimizer.schedule = "constant"
    train(replace(within(context, "warm_up"), config=config), model, data, ImageModule)


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
    whole_macs = step_macs(model, layers, image)
    method = OrderedDecomposition(
        model,
        layers.values(),
        sampling="none" if task.method == "spectral" else task.sampling,
        group_lasso=task.group_lasso,
        hierarchical=task.hierarchical,
        full_pass=task.full_pass,
        least=task.least,
        seed=context.config.seed,
    )
    trained = train(within(context, "training"), model, data, MaestroModule, method=method)
    method.after_epoch()
    batches = calibration_batches(
        data.train, task.calibration, context.config.train.batch_size, context.config.seed
    )
    small = at_ranks(model, {name: layer.rank for name, layer in layers.items()}, batches)
    metrics = {
        "steps": trained.steps,
        "seconds_per_step": trained.seconds_per_step,
        "accuracy_before_cut": trained.val_scores[-1],
        "rank_sum": sum(method.ranks()),
        "rank_sum_whole": sum(whole),
        "step_macs": step_macs(model, layers, image),
        "step_macs_whole": whole_macs,
    }
    return small, metrics, {"test_accuracy": trained.val_scores}


def step_macs(model: nn.Module, layers: dict[str, Ordered], image: Tensor) -> float:
    """Multiply-adds of the two forward passes of a step, for one image: a full one, and one with a
    layer cut, on average over all pairs of a layer and a rank."""
    counted = macs(model, image)
    full, pairs = sum(counted.values()), sum(layer.rank for layer in layers.values())
    # A layer of rank r that is cut to b saves (r - b)/r of its own.
    saved = sum(counted.get(n, 0) * (layer.rank - 1) / 2 for n, layer in layers.items())
    return 2 * full - (saved / pairs if pairs else 0)
