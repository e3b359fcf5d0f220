"""M4 and M6 on a trained ResNet-20: short trainings, then every layer is cut to a part of its rank.

Plain training and both samplings start from the same weights, see the same batches and take the
same number of steps; batch norms are taken anew at each cut, on the same augmented images.
"""

from __future__ import annotations

from torch import Tensor, nn

from common.compression.costs import macs, parameters
from common.compression.references import Start, trained_resnet
from common.experiment.context import RunContext, TaskResult
from common.nn.cifar_resnet import inner_convolutions
from common.trainers.image_module import ImageModule
from common.trainers.image_task import accuracy, calibration_batches, train, within
from papers.maestro.lod import decompose
from papers.maestro.models import MaestroModule, OrderedDecomposition
from papers.maestro.ranks import at_ranks, by_part, ordered_layers


def run(context: RunContext) -> TaskResult:
    """Accuracy in per cent of each training at each part of the ranks."""
    task, start = context.config.task, trained_resnet(context)
    images = calibration_batches(
        start.data.train, task.calibration, context.config.train.batch_size, context.config.seed
    )
    metrics = {"accuracy_dense": accuracy(start.model, start.data.test)}
    metrics |= cuts(start, "untouched", factorised(start.copy()), images, task.parts)
    model = start.copy()
    train(within(context, "plain"), model, start.data, ImageModule)
    metrics |= cuts(start, "svd", factorised(model), images, task.parts)
    for sampling in task.samplings:
        model = factorised(start.copy())
        method = OrderedDecomposition(
            model,
            ordered_layers(model).values(),
            sampling=sampling,
            group_lasso=task.group_lasso,
            seed=context.config.seed,
        )
        train(within(context, sampling), model, start.data, MaestroModule, method=method)
        metrics |= cuts(start, sampling, model, images, task.parts)
    metrics |= comparisons(metrics, list(task.samplings), list(task.parts))
    metrics["accuracy"] = metrics[f"{task.samplings[0]}_at_{task.parts[-1]:g}"]
    return TaskResult(metrics, start.entries, list(start.data.notes))


def factorised(model: nn.Module) -> nn.Module:
    """Its inner convolutions in ordered factors; the first one and the classifier stay."""
    decompose(model, include=inner_convolutions(model))
    return model


def cuts(
    start: Start, name: str, model: nn.Module, images: list[Tensor], parts: list[float]
) -> dict[str, float]:
    """Accuracy, and cost over that of the dense network, at each part of the ranks."""
    metrics, layers = {}, ordered_layers(model)
    dense = sum(macs(start.model, start.image).values()), parameters(start.model)
    for part in parts:
        small = at_ranks(model, by_part(layers, part), images)
        metrics[f"{name}_at_{part:g}"] = accuracy(small, start.data.test)
        metrics[f"macs_at_{part:g}"] = sum(macs(small, start.image).values()) / dense[0]
        metrics[f"parameters_at_{part:g}"] = parameters(small) / dense[1]
    return metrics


def comparisons(
    metrics: dict[str, float], samplings: list[str], parts: list[float]
) -> dict[str, float]:
    """Points above the control at each part, and below the same network at its full ranks."""
    found = {}
    for sampling in samplings:
        for part in parts:
            own = metrics[f"{sampling}_at_{part:g}"]
            found[f"{sampling}_gain_at_{part:g}"] = own - metrics[f"svd_at_{part:g}"]
            found[f"{sampling}_loss_at_{part:g}"] = metrics[f"{sampling}_at_1"] - own
    return found
