"""M4 and M6 on a trained ResNet-20: short trainings, then every layer is cut to a part of its rank.

Plain training and both samplings start from the same weights, see the same batches and take the
same number of steps; batch norms are taken anew at each cut, on the same augmented images.
"""

from __future__ import annotations

from torch import nn

from common.compression.references import trained_resnet
from common.experiment.context import RunContext, TaskResult
from common.nn.cifar_resnet import inner_convolutions
from common.trainers.equal_steps import equal_steps
from common.trainers.image_module import ImageModule
from common.trainers.image_task import accuracy, train, within
from papers.maestro.lod import decompose
from papers.maestro.models import MaestroModule, OrderedDecomposition
from papers.maestro.ranks import ordered_layers
from papers.maestro.tasks.calibration import calibration, check_calibration
from papers.maestro.tasks.cuts import check_cuts, comparisons, cuts


def run(context: RunContext) -> TaskResult:
    """Accuracy in per cent of each training at each part of the ranks."""
    task = context.config.task
    check_cuts(task.samplings, task.parts)
    start = trained_resnet(context)
    check_calibration(context, start.data.train)
    images = calibration(context, start.data.train)
    metrics = {"accuracy_dense": accuracy(start.model, start.data.test)}
    whole = start.model, start.image, start.data.test
    metrics |= cuts("untouched", factorised(start.copy()), *whole, task.parts, images)
    model = start.copy()
    steps = [train(within(context, "plain"), model, start.data, ImageModule).steps]
    metrics |= cuts("svd", factorised(model), *whole, task.parts, images)
    for sampling in task.samplings:
        model = factorised(start.copy())
        method = OrderedDecomposition(
            model,
            ordered_layers(model).values(),
            sampling=sampling,
            group_lasso=task.group_lasso,
            seed=context.config.seed,
        )
        trained = within(context, sampling), model, start.data, MaestroModule
        steps.append(train(*trained, method=method).steps)
        metrics |= cuts(sampling, model, *whole, task.parts, images, globally=True)
    metrics |= comparisons(metrics, list(task.samplings), list(task.parts))
    metrics["steps"] = equal_steps(steps)
    metrics["accuracy"] = metrics[f"{task.samplings[0]}_at_1"]
    return TaskResult(metrics, start.entries, list(start.data.notes))


def factorised(model: nn.Module) -> nn.Module:
    """Its inner convolutions in ordered factors; the first one and the classifier stay."""
    decompose(model, include=inner_convolutions(model))
    return model
