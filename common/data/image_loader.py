"""Batches of images, moved and mirrored at random as networks for CIFAR-10 are trained."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from common.data.blocks import block_rng
from common.data.draws import shuffled, uniform_integers
from common.data.loader import Batch, SequenceLoader

PADDING = 4


class AugmentingLoader(SequenceLoader):
    """As :class:`SequenceLoader`; each image is cut at random out of itself with a black border of
    4 pixels, and mirrored every other time.

    What happens to an image is a function of (seed, epoch, image): the same on any number of
    devices, and after a resume.
    """

    def set_epoch(self, epoch: int) -> None:
        """Choose the order and the cuts of the next iteration."""
        super().set_epoch(epoch)
        self._cuts = None

    def _batch(self, global_rows: Tensor) -> Batch:
        rows = global_rows[self.rank :: self.world_size]
        if getattr(self, "_cuts", None) is None:
            self._cuts = self._drawn()
        on_device = rows.to(self._inputs.device)
        images = F.pad(self._inputs[on_device], (PADDING,) * 4)
        cut = moved(images, *self._cuts[:, rows].to(images.device))
        return self.split.pixel_scale(cut), None, self._targets[on_device]

    def _drawn(self) -> Tensor:
        """(3, N): row and column of the cut, and whether it is mirrored, of every image."""
        n = len(self.split)
        rng = block_rng(self.seed, self.epoch)
        shuffled(rng, n)  # the order has the first words of the stream
        places = uniform_integers(rng, 0, 2 * PADDING, 2 * n).reshape(2, n)
        mirrored = uniform_integers(rng, 0, 1, n)[None]
        return torch.from_numpy(np.concatenate([places, mirrored]))


def moved(images: Tensor, down: Tensor, right: Tensor, mirror: Tensor) -> Tensor:
    """Cut (b, c, h, w) out of (b, c, h + 8, w + 8) at rows ``down`` and columns ``right``."""
    height, width = (size - 2 * PADDING for size in images.shape[-2:])
    ys = down[:, None] + torch.arange(height, device=images.device)
    xs = torch.arange(width, device=images.device).expand(len(images), width)
    xs = right[:, None] + torch.where(mirror[:, None] == 1, xs.flip(1), xs)
    batch = torch.arange(len(images), device=images.device)[:, None, None]
    # Indices of two axes that others stand between: the result has them first.
    return images[batch, :, ys[:, :, None], xs[:, None, :]].permute(0, 3, 1, 2)
