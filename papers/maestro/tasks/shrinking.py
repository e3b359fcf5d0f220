"""M5: the group lasso lets ranks shrink during training; and the published trainings.

One training a run: ordered decomposition, or one of its controls, on LeNet, VGG-19 or ResNet-18.
"""

from __future__ import annotations

import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor, nn

from common.compression.costs import parameters
from common.compression.layers import select
from common.data.catalogue import load
from common.data.labelled_images import ImageData
from common.errors import InvalidInputError, MissingDataError
from common.experiment.context import RunContext, TaskResult, data_entry
from common.experiment.machine import device
from common.trainers.image_module import ImageModule
from common.trainers.image_task import accuracy, train, within
from papers.maestro.lod import decompose
from papers.maestro.models import MaestroModule, OrderedDecomposition
from papers.maestro.networks import network
from papers.maestro.pufferfish import to_fixed_rank
from papers.maestro.ranks import at_ranks, ordered_layers
from papers.maestro.step_cost import StepCost
from papers.maestro.tasks.calibration import calibration, check_calibration
from papers.maestro.tasks.cuts import counted_macs
from papers.maestro.tasks.decay import SparingVectors
from papers.maestro.tasks.settings import check_settings
from papers.maestro.tasks.warming import check_warm_up, warm_up


def run(context: RunContext) -> TaskResult:
    """Accuracy in per cent of the network that is left, its size, and what training it cost."""
    task = context.config.task
    check_settings(task)
    check_warm_up(context)
    if task.network == "resnet50":
        raise MissingDataError(
            "ImageNet",
            "Its images do not fit in memory, and there is no loader for them here; put "
            "OrderedDecomposition into your own loop (README, use one piece of it).",
        )
    torch.manual_seed(context.config.seed)
    model = network(task.network, group_norm=task.group_norm).to(device(context.config.trainer))
    check_dense(model, task)
    data = load(OmegaConf.to_object(task.dataset), context.data)
    check_calibration(context, data.train)
    image = data.test.pixel_scale(data.test.inputs[:1])
    dense = parameters(model), sum(counted_macs(model, image).values())
    context, warm = warm_up(context, model, data, module(task, ImageModule))
    if task.method in ("maestro", "spectral"):
        small, metrics, curves = ordered(context, model, data, image)
    else:
        if task.method == "pufferfish":
            to_fixed_rank(model, task.rank_ratio, task.first_dense)
        result = train(within(context, "training"), model, data, module(task, ImageModule))
        small, curves = model.eval(), {"test_accuracy": result.val_scores}
        metrics = {"steps": result.steps, "seconds_per_step": result.seconds_per_step}
    metrics["steps"] += warm
    # A convolution of rank 0 gives its bias, seen as a map. Such a view of a parameter asks for a
    # gradient even where none is kept, and the counter of multiply-adds then looks for its origin.
    small.requires_grad_(False)
    metrics |= {
        "dense_macs": dense[1],
        "accuracy": accuracy(small, data.test),
        "parameters": parameters(small),
        "parameters_part": parameters(small) / dense[0],
        "macs_part": sum(counted_macs(small, image).values()) / dense[1],
    }
    return TaskResult(metrics, [data_entry(data)], list(data.notes), curves=curves)


def module(task: DictConfig, kind: type[ImageModule]) -> type[ImageModule]:
    """What does a step, with the weight decay that the task asks for."""
    return kind if task.decay_vectors else type(kind.__name__, (SparingVectors, kind), {})


def check_dense(model: nn.Module, task: DictConfig) -> None:
    """Raises InvalidInputError where no layer is left to be put into factors."""
    if task.method != "dense" and len(dense_names(model, task)) >= len(factorable(model)):
        raise InvalidInputError(
            f"task.first_dense={task.first_dense} leaves no layer to put into factors; allowed: "
            f"fewer than the {len(factorable(model))} of this network, less one where the last "
            "stays dense."
        )


def factorable(model: nn.Module) -> list[str]:
    """Names of linear layers and convolutions, from the input on."""
    return list(select(model, (nn.Linear, nn.Conv2d)))


def dense_names(model: nn.Module, task: DictConfig) -> list[str]:
    """Layers that stay as they are: the first ones, and the last (always with Pufferfish)."""
    names = factorable(model)
    last = task.last_dense or task.method == "pufferfish"
    return sorted({*names[: task.first_dense], *(names[-1:] if last else [])})


def ordered(
    context: RunContext, model: nn.Module, data: ImageData, image: Tensor
) -> tuple[nn.Module, dict[str, float], dict[str, list[float]]]:
    """Train in ordered factors; then cut physically to what is left."""
    task = context.config.task
    whole = [layer.rank for layer in decompose(model, exclude=dense_names(model, task)).values()]
    layers = ordered_layers(model)
    sampling = "none" if task.method == "spectral" else task.sampling
    where = next(model.parameters()).device
    cost = StepCost.of(model, layers, image.to(where), sampling, task.full_pass)
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
    kind = module(task, MaestroModule)
    trained = train(within(context, "training"), model, data, kind, method=method)
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
