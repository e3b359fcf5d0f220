"""One training from its first step, or its last checkpoint, to its scores on the test set."""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import RichProgressBar
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger
from torch import nn

from common.data.loader import SequenceLoader
from common.errors import InvalidInputError, UserError
from common.experiment.context import RunContext
from common.experiment.machine import device
from common.trainers.callbacks import (
    BestWeights,
    EpochLines,
    LossTrace,
    ResumableState,
    StepTimer,
    stop_if_asked,
)
from common.trainers.checkpoints import AtomicCheckpointIO, newest_valid, save_atomically
from common.trainers.module import SupervisedModule
from common.trainers.strategies import environment, strategy
from common.trainers.weights import set_weights, weights_of

BEST = "best.pt"


@dataclass
class FitResult:
    """Scores of a finished training (``SupervisedModule.score``, per cent for classifiers).

    Attributes:
        best: test score with the weights of the best validation epoch.
        last: test score with the final weights.
        best_val: that epoch's validation score.
        best_epoch: counted from 1.
        val_scores: one an epoch.
        loss_quarters: mean training loss of each quarter of the steps.
        train_losses: mean training loss of each epoch.
        steps: optimiser steps taken.
        seconds_per_step: median.
        test_loss: with the best weights.
    """

    best: float
    last: float
    best_val: float
    best_epoch: int
    steps: int
    seconds_per_step: float
    test_loss: float
    val_scores: list[float] = field(default_factory=list)
    loss_quarters: list[float] = field(default_factory=list)
    train_losses: list[float] = field(default_factory=list)


def load_best(model: nn.Module, folder: Path) -> nn.Module:
    """Give ``model`` the weights of the best validation epoch of the run in ``folder``."""
    weights = torch.load(folder / BEST, map_location="cpu", weights_only=True)
    model.load_state_dict({name.removeprefix("model."): w for name, w in weights.items()})
    return model


def fit(
    context: RunContext,
    module: SupervisedModule,
    train: SequenceLoader,
    val: SequenceLoader,
    test: SequenceLoader,
    *,
    epochs: int,
    score_test: bool = True,
) -> FitResult:
    """Train, select the best validation epoch, score it and the last on the test set.

    Raises:
        Diverged: the loss is not finite.
        RunInterrupted: a signal came; a checkpoint of the step before lies in the run folder.
        CorruptCheckpointError: resuming, and the newest checkpoint is corrupt.
    """
    if epochs < 1:
        raise InvalidInputError(f"train.epochs={epochs}; allowed: 1 or more.")
    config = context.config.trainer
    best, timer, trace = BestWeights(), StepTimer(), LossTrace()
    state = ResumableState(context.folder, train, config.checkpoint_every, context.stop)
    checkpoint = newest_valid(context.folder) if context.resuming else None
    if checkpoint is not None:
        position = torch.load(checkpoint, weights_only=True)["position"]
        _position(train, position)
        context.console.print(f"  resuming from {checkpoint.name}", highlight=False)
    trainer = _trainer(context, epochs, [best, timer, trace, state])
    with context.stop.deferring():
        trainer.fit(module, train, val, ckpt_path=checkpoint, weights_only=True)
        stop_if_asked(trainer, context.stop)
        if best.score is None:  # trainer.max_steps ended the first epoch before its validation
            (metrics,) = trainer.validate(module, val, verbose=False)
            best.consider(metrics["val/score"], 0, module)
        last_weights = weights_of(module)
        if trainer.is_global_zero:
            save_atomically(best.weights, context.folder / BEST)
        last_score = best_score = loss = float("nan")
        if score_test:
            last_score, _ = _score(trainer, module, test)
            set_weights(module, best.weights)
            best_score, loss = _score(trainer, module, test)
            set_weights(module, last_weights)
        stop_if_asked(trainer, context.stop)
    return FitResult(
        best=best_score,
        last=last_score,
        best_val=best.score,
        best_epoch=best.epoch + 1,
        steps=trainer.global_step,
        seconds_per_step=timer.median(),
        test_loss=loss,
        val_scores=best.scores,
        loss_quarters=trace.quarters(),
        train_losses=trace.epochs(len(train)),
    )


def _position(train: SequenceLoader, position: dict[str, Any]) -> None:
    """Put the loader where the checkpoint was taken."""
    epoch, batch = position["epoch"], position["batch"]
    if batch >= len(train):
        epoch, batch = epoch + 1, 0
    train.set_epoch(epoch)
    train.skip(batch)


def _score(trainer: pl.Trainer, module: SupervisedModule, loader: SequenceLoader):
    metrics = trainer.test(module, loader, verbose=False)[0]
    return metrics["test/score"], metrics["test/loss"]


def _trainer(context: RunContext, epochs: int, callbacks: list[pl.Callback]) -> pl.Trainer:
    _quieten()
    config = context.config.trainer
    if context.progress:
        callbacks = [*callbacks, RichProgressBar(leave=False)]
    return pl.Trainer(
        accelerator="gpu" if device(config).type == "cuda" else "cpu",
        devices=config.devices // config.nodes,
        num_nodes=config.nodes,
        strategy=strategy(config),
        precision=config.precision,
        max_epochs=epochs,
        max_steps=config.max_steps,
        callbacks=[*callbacks, EpochLines(context.console)],
        logger=_loggers(context),
        plugins=[AtomicCheckpointIO(), environment()],
        default_root_dir=context.folder,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=context.progress,
        num_sanity_val_steps=0,
        log_every_n_steps=10,
        use_distributed_sampler=False,
    )


def _loggers(context: RunContext) -> list:
    loggers: list = []
    if context.config.trainer.csv:
        loggers.append(CSVLogger(context.folder, name="logs"))
    if context.config.trainer.tensorboard:
        try:
            loggers.append(TensorBoardLogger(context.folder, name="tensorboard"))
        except ModuleNotFoundError as error:
            raise UserError(
                "trainer.tensorboard=true needs TensorBoard: pip install 'structlab[tensorboard]'."
            ) from error
    return loggers


def _quieten() -> None:
    """Lightning's advice on workers, intervals and devices; none of it applies to this loop."""
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    for message in (
        ".*does not have many workers.*",
        ".*is smaller than the logging interval.*",
        ".*is not resumable.*",
        ".*LeafSpec.*is deprecated.*",
        ".*sync_dist=True.*",  # sums are reduced before they are logged
    ):
        warnings.filterwarnings("ignore", message)
