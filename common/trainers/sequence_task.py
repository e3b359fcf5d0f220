"""Train a sequence model as the configuration says, select an epoch, report its test score."""

from __future__ import annotations

from collections.abc import Sequence

from omegaconf import DictConfig, OmegaConf
from torch import nn

from common.data.catalogue import load
from common.data.loader import SequenceLoader
from common.data.sequence import SequenceData
from common.experiment import processes
from common.experiment.context import RunContext, TaskResult, data_entry
from common.trainers.fit import FitResult, fit
from common.trainers.groups import GroupRule, parameter_groups
from common.trainers.module import SupervisedModule
from common.trainers.schedules import schedule


def load_data(context: RunContext) -> SequenceData:
    """The task's data set; what has to be fetched is announced before it is."""
    return load(OmegaConf.to_object(context.config.task.dataset), context.data)


def train(
    context: RunContext,
    model: nn.Module,
    data: SequenceData,
    rules: Sequence[GroupRule],
    **objective,
) -> FitResult:
    """Train by the configuration's schedule, parameters grouped by ``rules``; classify, or pass
    ``loss`` and ``score``."""
    config = context.config
    loaders = _loaders(config, data)
    steps = len(loaders[0])
    module = SupervisedModule(
        model,
        parameter_groups(
            model,
            rules,
            lr=config.optimizer.lr,
            weight_decay=config.optimizer.weight_decay,
        ),
        schedule(
            config.optimizer.schedule,
            steps_per_epoch=steps,
            epochs=config.train.epochs,
            warmup_epochs=config.optimizer.warmup_epochs,
            warmup_steps=config.optimizer.warmup_steps,
            total_steps=config.optimizer.total_steps,
        ),
        **objective,
    )
    return fit(
        context,
        module,
        *loaders,
        epochs=config.train.epochs,
        score_test=not config.train.timed_only,
    )


def _loaders(config: DictConfig, data: SequenceData) -> list[SequenceLoader]:
    """Training, validation and test batches; without a validation split the test set selects."""
    shared = {
        "cut_to_longest": config.train.cut_to_longest,
        "rank": processes.rank(),
        "world_size": config.trainer.devices,
    }
    train = SequenceLoader(
        data.train,
        config.train.batch_size,
        shuffle=True,
        seed=config.seed,
        drop_last=True,
        **shared,
    )
    evaluation = [
        SequenceLoader(
            split,
            config.train.eval_batch_size,
            shuffle=False,
            seed=0,
            drop_last=False,
            **shared,
        )
        for split in (data.test if data.val is None else data.val, data.test)
    ]
    return [train, *evaluation]


def report(
    config: DictConfig, data: SequenceData, result: FitResult, model: nn.Module
) -> TaskResult:
    """Metrics, provenance and the sentences a reader of the table needs."""
    metrics = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "steps": result.steps,
        "seconds_per_step": result.seconds_per_step,
        "val_accuracy": result.best_val,
        "best_epoch": result.best_epoch,
    }
    notes = list(data.notes)
    if config.train.timed_only:
        del metrics["val_accuracy"], metrics["best_epoch"]
        notes.append(
            f"not trained: {result.steps} steps only, {result.seconds_per_step * 1e3:.0f} ms a step"
        )
    else:
        metrics |= {
            "accuracy": result.best,
            "accuracy_last_epoch": result.last,
            "test_loss": result.test_loss,
        }
        baselines = {name: 100 * share for name, share in data.baselines.items()}
        metrics |= {f"baseline_{name}": value for name, value in baselines.items()}
        shown = ", ".join(f"{name.replace('_', ' ')} {v:.1f}" for name, v in baselines.items())
        notes.append(
            f"best of {len(result.val_scores)} epochs: {result.best_epoch} (val "
            f"{result.best_val:.1f}); last epoch {result.last:.1f}; baselines: {shown}"
        )
        if data.val is None:
            notes.append("no validation split: the epoch was selected on the test set")
    facts = {"train_loss_quarters": result.loss_quarters}
    curves = {"val_score": result.val_scores, "train_loss": result.train_losses}
    return TaskResult(metrics, [data_entry(data)], notes, facts, curves)
