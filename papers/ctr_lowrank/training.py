"""Adam on the mean binary cross-entropy with L2 decay, stopped when validation gets no better."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from jaxtyping import Float32
from omegaconf import DictConfig
from torch import Tensor
from torch.nn import functional as F

from common.data.ctr_loader import CtrLoader
from common.data.ctr_split import CtrData, CtrSplit
from common.experiment import processes
from common.experiment.context import RunContext
from common.experiment.machine import device
from common.trainers.fit import FitResult, fit, load_best
from common.trainers.image_task import within
from common.trainers.module import SupervisedModule
from common.trainers.rates import constant
from papers.ctr_lowrank.models.ctr import CtrModel


class CtrModule(SupervisedModule):
    """Trains a :class:`CtrModel`; the score of a row is its log-likelihood.

    Args:
        model: what is trained.
        lr: of Adam.
        l2: on ``model.regularised()``; divided by the batch size, as the mean of losses is.
        patience: epochs without a lower validation loss; None never stops.
        masks: name of a parameter -> 1 for entries that are trained, 0 for those that stay 0.
    """

    def __init__(
        self,
        model: CtrModel,
        *,
        lr: float,
        l2: float,
        patience: int | None = None,
        masks: Mapping[str, Tensor] | None = None,
    ):
        super().__init__(model, [{"params": list(model.parameters())}], constant(), _loss, _score)
        self.lr, self.l2, self.patience = lr, l2, patience
        self.masks = dict(masks or {})
        self.losses: list[float] = []  # on the validation set, one an epoch

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam at a constant rate."""
        optimiser = torch.optim.Adam(self.model.parameters(), lr=self.lr)
        if self.masks:
            optimiser.register_step_post_hook(lambda *_: self.apply_masks())
        return optimiser

    @torch.no_grad()
    def apply_masks(self) -> None:
        """Zero what was pruned: momentum and decay move it."""
        parameters = dict(self.model.named_parameters())
        for name, mask in self.masks.items():
            parameters[name].mul_(mask.to(parameters[name]))

    def training_step(self, batch, batch_idx: int) -> Tensor:
        """Raises Diverged where the loss is not finite."""
        data_loss = super().training_step(batch, batch_idx)
        decay = sum(weight.square().sum() for weight in self.model.regularised())
        # Gradients are averaged over processes, each of which has its part of the batch.
        rows = len(batch[-1]) * self.trainer.world_size
        return data_loss + self.l2 / rows * decay

    def on_validation_end(self) -> None:
        """Stop once the last ``patience`` epochs were no better than one before."""
        if self.trainer.state.fn != "fit":
            return
        self.losses.append(float(self.trainer.callback_metrics["val/loss"]))
        self._stop_if_no_better()

    def on_train_start(self) -> None:
        """A training that had stopped is not taken up again when its run is resumed."""
        self._stop_if_no_better()

    def on_save_checkpoint(self, checkpoint: dict) -> None:
        checkpoint["validation_losses"] = list(self.losses)

    def on_load_checkpoint(self, checkpoint: dict) -> None:
        self.losses = list(checkpoint["validation_losses"])

    def _stop_if_no_better(self) -> None:
        if self.patience is None or not self.losses:
            return
        best = min(range(len(self.losses)), key=self.losses.__getitem__)
        if len(self.losses) - 1 - best >= self.patience:
            self.trainer.should_stop = True


def train(
    context: RunContext,
    stage: str,
    model: CtrModel,
    data: CtrData,
    *,
    epochs: int,
    patience: int | None = None,
    masks: Mapping[str, Tensor] | None = None,
) -> FitResult:
    """Train in place and leave the weights of the epoch with the lowest validation loss.

    Args:
        stage: folder of its checkpoints in the run's folder: a run trains several models, and goes
            on with the one that was cut off.

    Raises:
        Diverged: the loss is not finite.
        RunInterrupted: a signal came.
    """
    config = context.config
    context.console.print(f"  [bold]{stage}[/bold]", highlight=False)
    model.train()  # Lightning leaves each module in the mode in which it comes
    own = within(context, stage)
    module = CtrModule(
        model, lr=config.optimizer.lr, l2=config.optimizer.l2, patience=patience, masks=masks
    )
    module.apply_masks()
    shared = {"rank": processes.rank(), "world_size": config.trainer.devices, "drop_last": False}
    batches = CtrLoader(
        data.train, config.train.batch_size, shuffle=True, seed=config.seed, **shared
    )
    val = CtrLoader(data.val, config.train.eval_batch_size, shuffle=False, seed=0, **shared)
    fitted = fit(own, module, batches, val, val, epochs=epochs, score_test=False)
    load_best(model, own.folder)
    return fitted


@torch.no_grad()
def predict(model: CtrModel, split: CtrSplit, config: DictConfig) -> Float32[Tensor, " n"]:
    """Logits of a split, on the CPU where its targets are; computed in evaluation mode on the
    run's device."""
    where = device(config.trainer)
    training = model.training
    model = model.to(where).eval()
    size = config.train.eval_batch_size
    batches = CtrLoader(split, size, shuffle=False, seed=0, drop_last=False, device=where)
    logits = torch.cat([model(ids, dense) for ids, dense, _ in batches]).cpu()
    model.train(training)
    return logits


def training_batches(data: CtrData, config: DictConfig) -> Iterator[tuple[Tensor, Tensor]]:
    """Every training row once, in order, on the run's device: what statistics are taken of."""
    where = device(config.trainer)
    size = config.train.eval_batch_size
    loader = CtrLoader(data.train, size, shuffle=False, seed=0, drop_last=False, device=where)
    for ids, dense, _ in loader:
        yield ids, dense


def _loss(logits: Tensor, targets: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, targets)


def _score(logits: Tensor, targets: Tensor) -> Tensor:
    return -F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
