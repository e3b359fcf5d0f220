"""Weight decay on matrices and kernels alone."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from common.trainers.image_module import ImageModule


class SparingVectors(ImageModule):
    """A mixin: biases and the scales of norms are not decayed (the authors' ImageNet script)."""

    def configure_optimizers(self):
        whole = self.optimiser

        def sparing(parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
            parameters = list(parameters)
            vectors = [p for p in parameters if p.ndim < 2]
            return whole(
                [
                    {"params": [p for p in parameters if p.ndim >= 2]},
                    {"params": vectors, "weight_decay": 0.0},
                ]
            )

        self.optimiser = sparing
        return super().configure_optimizers()
