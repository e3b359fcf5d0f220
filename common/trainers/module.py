"""The Lightning side of supervised training: one module for every classifier and regressor."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule
from torch.nn import functional as F

from common.errors import Diverged
from common.trainers.schedules import Schedule
from common.trainers.strategies import is_sharded, shard

Score = Callable[[Tensor, Tensor], Tensor]


def correct(outputs: Tensor, targets: Tensor) -> Tensor:
    """1 for each right class, else 0; its mean times 100 is the accuracy in per cent."""
    return (outputs.argmax(-1) == targets).double() * 100


class SupervisedModule(pl.LightningModule):
    """Trains ``model(inputs, lengths)`` on batches ``(inputs, lengths, targets)``.

    Args:
        model: returns logits or predictions.
        groups: parameter groups with their own ``lr`` and ``weight_decay``.
        schedule: factor of every group's rate after so many steps.
        loss: mean over the batch.
        score: one value an example, higher is better; its mean is what evaluation reports.
    """

    def __init__(
        self,
        model: nn.Module,
        groups: list[dict],
        schedule: Schedule,
        loss: Callable[[Tensor, Tensor], Tensor] = F.cross_entropy,
        score: Score = correct,
    ):
        super().__init__()
        self.model = model
        self.groups = _by_name(model, groups)
        self.schedule = schedule
        self.loss = loss
        self.score = score
        self.last_finite: float | None = None
        self._sums = torch.zeros(3, dtype=torch.float64)
        self._train_sums = torch.zeros(2, dtype=torch.float64)

    def configure_model(self) -> None:
        """Shard the model where the strategy asks for it; called once the processes are up."""
        if is_sharded(self.trainer) and not isinstance(self.model, FSDPModule):
            shard(self.model, self.device_mesh["data_parallel"])

    def configure_optimizers(self):
        """AdamW on the groups, the schedule moving once a step."""
        parameters = dict(self.model.named_parameters())
        optimiser = torch.optim.AdamW(
            [{**g, "params": [parameters[name] for name in g["params"]]} for g in self.groups]
        )
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimiser, self.schedule)
        return {
            "optimizer": optimiser,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def training_step(self, batch, batch_idx: int) -> Tensor:
        """The mean loss of this process's part of a batch; what is kept is that of the whole.

        Raises:
            Diverged: the loss is not finite, in all processes as soon as it is in one.
        """
        inputs, lengths, targets = batch
        loss = self.loss(self.model(inputs, lengths), targets)
        value = float(self.trainer.strategy.reduce(loss.detach(), reduce_op="mean"))
        if not math.isfinite(value):
            raise Diverged(self.global_step, self.last_finite)
        self.last_finite = value
        self._train_sums += torch.tensor([value, 1.0], dtype=torch.float64)
        self.log("loss", loss.detach(), prog_bar=True, on_step=True, on_epoch=False)
        return loss

    def on_train_epoch_start(self) -> None:
        self._train_sums.zero_()

    def mean_train_loss(self) -> float:
        """Mean loss of the steps of this epoch so far."""
        return float(self._train_sums[0] / self._train_sums[1].clamp(min=1))

    def on_train_epoch_end(self) -> None:
        self.log("train/loss", self.mean_train_loss())

    def _evaluate(self, batch) -> None:
        inputs, lengths, targets = batch
        outputs = self.model(inputs, lengths)
        n = len(targets)
        self._sums += torch.stack(
            [
                self.loss(outputs, targets).double().cpu() * n,
                self.score(outputs, targets).double().sum().cpu(),
                torch.tensor(float(n), dtype=torch.float64),
            ]
        )

    def _report(self, stage: str) -> None:
        # Sums in float64, reduced over processes: the same figure on any number of devices.
        loss, score, n = self.trainer.strategy.reduce(self._sums.to(self.device), reduce_op="sum")
        self.log(f"{stage}/loss", float(loss / n), prog_bar=stage == "val")
        self.log(f"{stage}/score", float(score / n), prog_bar=stage == "val")
        self._sums = torch.zeros(3, dtype=torch.float64)

    def validation_step(self, batch, batch_idx: int) -> None:
        self._evaluate(batch)

    def on_validation_epoch_end(self) -> None:
        self._report("val")

    def test_step(self, batch, batch_idx: int) -> None:
        self._evaluate(batch)

    def on_test_epoch_end(self) -> None:
        self._report("test")


def _by_name(model: nn.Module, groups: list[dict]) -> list[dict]:
    """Parameter groups that name their parameters: sharding puts others in their place."""
    names = {parameter: name for name, parameter in model.named_parameters()}
    return [{**group, "params": [names[p] for p in group["params"]]} for group in groups]
