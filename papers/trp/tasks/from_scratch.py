"""The published setting: train the authors' network with projection, decompose, perhaps retrain."""

from __future__ import annotations

from dataclasses import replace

from omegaconf import OmegaConf, open_dict

from common.compression.costs import parameters
from common.compression.forms import DECOUPLED, FORMS
from common.data.catalogue import load
from common.errors import MissingDataError
from common.experiment.context import RunContext, TaskResult, data_entry
from common.experiment.machine import device
from common.trainers.image_module import ImageModule
from common.trainers.image_task import accuracy, train, within
from papers.trp.decompose import decompose
from papers.trp.models import RankPruner, TrainedRankPruning, projected_layers
from papers.trp.networks import ProjectedResNet


def run(context: RunContext) -> TaskResult:
    """Accuracy of the trained network, and of its factors, with speed-up and parameters."""
    task = context.config.task
    form = FORMS[task.projection.form]
    if task.imagenet:
        raise MissingDataError(
            "ImageNet",
            "Its images do not fit in memory, and there is no loader for them here; put RankPruner "
            "around the steps of your own loop (README, use one piece of it).",
        )
    data = load(OmegaConf.to_object(task.dataset), context.data)
    model = ProjectedResNet(task.depth, data.n_classes).to(device(context.config.trainer))
    pruner = RankPruner(
        projected_layers(model),
        form,
        left_out=task.projection.left_out,
        period=task.projection.period,
        nuclear=task.nuclear,
        overwrite=task.overwrite,
    )
    result = train(context, model, data, TrainedRankPruning, pruner=pruner)
    model.eval()
    image = data.test.pixel_scale(data.test.inputs[:1].to(next(model.parameters()).device))
    rule = (
        {"left_out": task.final_left_out}
        if form is DECOUPLED
        else {"threshold": task.final_threshold}
    )
    cut = decompose(model, form, image, **rule)
    metrics = {
        "accuracy_before": result.val_scores[-1],
        "accuracy": accuracy(cut.model, data.test),
        "speedup": cut.speedup,
        "parameters": cut.parameters,
        "parameters_dense": parameters(model),
        "kept_energy": cut.kept_energy,
        "rank_sum": sum(cut.ranks.values()),
        "layers": len(cut.ranks),
        "steps": result.steps,
        "seconds_per_step": result.seconds_per_step,
    }
    if task.retrain_epochs:
        config = context.config.copy()
        with open_dict(config):
            config.train.epochs = task.retrain_epochs
            config.optimizer.lr *= 0.01  # where the first training ended, and no further down
            config.optimizer.schedule = "constant"
        again = replace(within(context, "retrained"), config=config)
        retrained = train(again, cut.model, data, ImageModule)
        metrics["accuracy_retrained"] = retrained.val_scores[-1]
    curves = {"test_accuracy": result.val_scores, "train_loss": result.train_losses}
    return TaskResult(metrics, [data_entry(data)], list(data.notes), curves=curves)
