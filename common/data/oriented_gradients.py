"""Histograms of oriented gradients (Dalal and Triggs 2005) of CIFAR-10: a fixed map of each image
by itself, by scikit-image (extra ``images``)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, UInt8

from common.errors import MissingDataError

CELL, ORIENTATIONS, BLOCK = 8, 9, 2  # pixels a side, bins, cells a side


def histograms(images: UInt8[np.ndarray, "n h w 3"]) -> Float32[np.ndarray, "n d"]:
    """Blocks normalised by L2-Hys, then each image's vector to norm 1; 324 numbers at 32 x 32.

    An image of one colour has no gradient: its vector is 0.

    Raises:
        MissingDataError: scikit-image is not installed.
    """
    try:
        from skimage.feature import hog
    except ImportError:
        raise MissingDataError(
            "scikit-image", "It computes the histograms: pip install 'structlab[images]'."
        ) from None
    found = np.stack(
        [
            hog(
                image,
                orientations=ORIENTATIONS,
                pixels_per_cell=(CELL, CELL),
                cells_per_block=(BLOCK, BLOCK),
                block_norm="L2-Hys",
                channel_axis=-1,
            )
            for image in images
        ]
    )
    norms = np.linalg.norm(found, axis=1, keepdims=True)
    return (found / np.maximum(norms, np.finfo(np.float32).tiny)).astype(np.float32)
