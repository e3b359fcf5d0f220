"""A block of a photograph as a positive semidefinite matrix (extra ``images``). The paper has no
data: this is a stand-in for a matrix that nobody drew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from common.data.prepared import content_sha256
from common.errors import UserError


@dataclass(frozen=True)
class Block:
    """Inner products of the rows of a square block, its grey values less their mean.

    Attributes:
        gram: scaled to a largest eigenvalue of 1, float64.
        rank: r.
    """

    gram: Float[Tensor, "d d"]
    rank: int

    @property
    def low_rank(self) -> Float[Tensor, "d d"]:
        """The nearest of rank r."""
        values, vectors = torch.linalg.eigh(self.gram)
        kept = vectors[:, -self.rank :]
        return kept * values[-self.rank :] @ kept.mT

    @property
    def entry(self) -> dict[str, Any]:
        """What a record says of it."""
        return {
            "key": "scikit-image/camera",
            "name": "a block of the cameraman",
            "source": "scikit-image, skimage.data.camera",
            "content_sha256": content_sha256({"gram": self.gram.numpy()}),
            "is_paper_data": False,
        }


def draw_block(size: int, rank: int, rng: np.random.Generator) -> Block:
    """A block of size x size at a random place of the 512 x 512 photograph.

    Raises:
        UserError: scikit-image is absent, or every grey value of the block is the same.
    """
    try:
        from skimage.data import camera
    except ModuleNotFoundError as error:
        raise UserError(
            "The photograph needs scikit-image: pip install 'structlab[images]'."
        ) from error
    image = camera().astype(float) / 255
    row, column = (int(rng.integers(side - size + 1)) for side in image.shape)
    block = image[row : row + size, column : column + size]
    block = torch.from_numpy(block - block.mean())
    gram = block @ block.mT
    largest = float(torch.linalg.eigvalsh(gram)[-1])
    if not largest > 0:
        raise UserError(f"The block at {row}, {column} is of one grey; take another seed.")
    return Block(gram / largest, rank)
