"""The Lightning side of image networks: one objective a step, SGD or Adam."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from common.errors import Diverged
from common.trainers.module import SupervisedModule
from common.trainers.schedules import Schedule

Optimiser = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]


class ImageModule(SupervisedModule):
    """Trains ``model(images)`` by cross-entropy.

    Methods that do more override :meth:`objective`, or Lightning's hooks around a step.
    """

    def __init__(self, model: nn.Module, optimiser: Optimiser, schedule: Schedule):
        super().__init__(model, [{"params": list(model.parameters())}], schedule)
        self.optimiser = optimiser

    def configure_optimizers(self):
        """The schedule moves once a step."""
        optimiser = self.optimiser(p for p in self.model.parameters() if p.requires_grad)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimiser, self.schedule)
        return {
            "optimizer": optimiser,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def objective(self, images: Tensor, labels: Tensor) -> Tensor:
        """What a step descends."""
        return F.cross_entropy(self.model(images), labels)

    def training_step(self, batch, batch_idx: int) -> Tensor:
        """Raises Diverged where the objective is not finite."""
        images, _, labels = batch
        loss = self.objective(images, labels)
        value = float(self.trainer.strategy.reduce(loss.detach(), reduce_op="mean"))
        if not math.isfinite(value):
            raise Diverged(self.global_step, self.last_finite)
        self.last_finite = value
        self._train_sums += torch.tensor([value, 1.0], dtype=torch.float64)
        self.log("loss", loss.detach(), prog_bar=True, on_step=True, on_epoch=False)
        return loss

    def _evaluate(self, batch) -> None:
        images, _, labels = batch
        outputs = self.model(images)
        n = len(labels)
        self._sums += torch.stack(
            [
                self.loss(outputs, labels).double().cpu() * n,
                self.score(outputs, labels).sum().cpu(),
                torch.tensor(float(n), dtype=torch.float64),
            ]
        )
