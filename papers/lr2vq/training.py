"""The Lightning side: codebooks, maps and all the rest train; codes stay or are given anew."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from common.trainers.image_module import ImageModule
from papers.lr2vq.network import quantised


class QuantisedModule(ImageModule):
    """Trains a quantised image network.

    After each epoch the maps are made orthonormal, which changes no weight.

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
        self._before: dict[str, Tensor] = {}

    def objective(self, images: Tensor, labels: Tensor) -> Tensor:
        outputs = self.model(images)
        (teacher,) = self.teacher
        if teacher is None:
            return F.cross_entropy(outputs, labels)
        wanted = teacher(images).detach().log_softmax(-1)
        return F.kl_div(outputs.log_softmax(-1), wanted, log_target=True, reduction="batchmean")

    def on_train_batch_start(self, batch, batch_idx: int) -> None:
        if self.reassign_every:
            self._before = {n: self._weight(n) for n in self.shadows}

    def on_train_batch_end(self, outputs, batch, batch_idx: int) -> None:
        if not self.reassign_every:
            return
        for name, before in self._before.items():
            self.shadows[name] += self._weight(name) - before
        if self.global_step % self.reassign_every == 0:
            for name, shadow in self.shadows.items():
                self.model.get_submodule(name).code.reassign(shadow)

    def on_train_epoch_end(self) -> None:
        super().on_train_epoch_end()
        for code in quantised(self.model):
            code.orthonormalise()

    def _weight(self, name: str) -> Tensor:
        return self.model.get_submodule(name).weight.detach().clone()
