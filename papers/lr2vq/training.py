"""The Lightning side: codebooks, maps and all the rest train; codes stay or are given anew."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from common.trainers.image_module import ImageModule
from common.trainers.schedules import cosine_steps
from papers.lr2vq.network import quantised


class QuantisedModule(ImageModule):
    """Trains a quantised image network.

    The maps are made orthonormal between two epochs, which changes no weight: when the next begins,
    after the checkpoint of the one before has been written.

    Args:
        teacher: the dense network: its softmax is matched (KL) in place of the labels; or None.
        reassign_every: steps after which each subvector of a shadow weight, the dense one moved by
            the same updates as its decoded self, gets its nearest codeword; 0 never.
    """

    def __init__(
        self,
        model: nn.Module,
        *training,
        teacher: nn.Module | None = None,
        reassign_every: int = 0,
        shadows: dict[str, Tensor] | None = None,
    ):
        super().__init__(model, *training)
        self.teacher = [teacher]  # in a list: it is not trained and not saved
        self.reassign_every = reassign_every
        self.shadows = shadows or {}
        self.epochs_begun = 0
        self.before: dict[str, Tensor] = {}

    def objective(self, images: Tensor, labels: Tensor) -> Tensor:
        outputs = self.model(images)
        (teacher,) = self.teacher
        if teacher is None:
            return F.cross_entropy(outputs, labels)
        with torch.no_grad():
            wanted = teacher(images).log_softmax(-1)
        return F.kl_div(outputs.log_softmax(-1), wanted, log_target=True, reduction="batchmean")

    def on_train_batch_start(self, batch, batch_idx: int) -> None:
        # What the step before did to the weights is booked here, not at its end: the checkpoint of
        # that step is written first, and a resumed training comes by here too.
        if not self.reassign_every:
            return
        for name, before in self.before.items():
            self.shadows[name] += self._weight(name) - before
        if self.before and self.global_step % self.reassign_every == 0:
            for name, shadow in self.shadows.items():
                self.model.get_submodule(name).code.reassign(shadow)
        self.before = {name: self._weight(name) for name in self.shadows}

    def on_train_epoch_start(self) -> None:
        super().on_train_epoch_start()
        if self.current_epoch > self.epochs_begun:
            states = self.optimizers().optimizer.state
            for code in quantised(self.model):
                code.orthonormalise()
                # What the optimiser remembers is in the coordinates of before.
                for parameter in (code.codebook, code.map):
                    states.pop(parameter, None)
            self.epochs_begun = self.current_epoch

    def on_save_checkpoint(self, checkpoint: dict) -> None:
        checkpoint["quantised"] = {
            "epochs_begun": self.epochs_begun,
            "shadows": {name: shadow.clone() for name, shadow in self.shadows.items()},
            "before": dict(self.before),
        }

    def on_load_checkpoint(self, checkpoint: dict) -> None:
        self.epochs_begun = checkpoint["quantised"]["epochs_begun"]
        self.shadows = dict(checkpoint["quantised"]["shadows"])
        self.before = dict(checkpoint["quantised"]["before"])

    def _weight(self, name: str) -> Tensor:
        return self.model.get_submodule(name).weight.detach().clone()


class LiteratureModule(QuantisedModule):
    """The same by the habits of the literature (Stock et al. 2020): the rate falls as a cosine, and
    that of a codebook is divided by the root of the mean number of members of its words, since its
    gradients are sums over them."""

    def configure_optimizers(self):
        codes = [code for code in quantised(self.model) if code.codebook.requires_grad]
        books = {id(code.codebook) for code in codes}
        rest = [p for p in self.model.parameters() if p.requires_grad and id(p) not in books]
        optimiser = self.optimiser([{"params": rest}, *({"params": [c.codebook]} for c in codes)])
        for group, code in zip(optimiser.param_groups[1:], codes, strict=True):
            group["lr"] /= math.sqrt(len(code.codes) / len(code.codebook))
        schedule = cosine_steps(int(self.trainer.estimated_stepping_batches))
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimiser, schedule)
        return {
            "optimizer": optimiser,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }
