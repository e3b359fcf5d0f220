"""E2: a quantity read off a signal, by mean squared error; scored as RMSE in its own unit."""

from __future__ import annotations

import math
from collections.abc import Callable

from omegaconf import DictConfig
from torch import Tensor
from torch.nn import functional as F

from common.data.pulse import to_units
from common.data.sequence import SequenceData
from common.experiment.context import RunContext, TaskResult, data_entry
from common.trainers.fit import FitResult
from common.trainers.s4_groups import s4_rules
from common.trainers.sequence_task import load_data, train
from papers.s4d.models import build


def run(context: RunContext) -> TaskResult:
    """Train, select the epoch of the smallest validation error, score it on the test set."""
    config = context.config
    data = load_data(context)
    model = build(config.model, data)
    unit = to_units(config.task.dataset.target)
    rules = s4_rules(config.optimizer)
    fitted = train(context, model, data, rules, loss=F.mse_loss, score=negative_error(unit))
    parameters = sum(p.numel() for p in model.parameters())
    return regression_report(config, data, fitted, unit, parameters)


def negative_error(unit: float) -> Callable[[Tensor, Tensor], Tensor]:
    """Minus the squared error of each example in squared units: higher is better."""
    return lambda outputs, targets: -(unit**2) * (outputs - targets).double().square().mean(-1)


def regression_report(
    config: DictConfig, data: SequenceData, fitted: FitResult, unit: float, parameters: int
) -> TaskResult:
    """Errors in units; ``baseline_mean`` is that of the best constant, the training mean."""
    metrics = {
        "parameters": parameters,
        "steps": fitted.steps,
        "seconds_per_step": fitted.seconds_per_step,
    }
    notes = list(data.notes)
    if config.train.timed_only:
        notes.append(f"not trained: {fitted.steps} steps only")
        return TaskResult(metrics, [data_entry(data)], notes)
    deviation = data.test.targets - data.train.targets.mean(0)
    metrics |= {
        "rmse": math.sqrt(-fitted.best),
        "rmse_last_epoch": math.sqrt(-fitted.last),
        "val_rmse": math.sqrt(-fitted.best_val),
        "best_epoch": fitted.best_epoch,
        "baseline_mean": unit * float(deviation.square().mean().sqrt()),
    }
    notes.append(
        f"RMSE, best of {len(fitted.val_scores)} epochs: {fitted.best_epoch} (val "
        f"{metrics['val_rmse']:.3g}); the training mean alone: {metrics['baseline_mean']:.3g}"
    )
    curves = {
        "val_score": [math.sqrt(-score) for score in fitted.val_scores],
        "train_loss": fitted.train_losses,
    }
    return TaskResult(metrics, [data_entry(data)], notes, curves=curves)
