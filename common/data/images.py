"""What image sets share: the field's seeded order, luma, means over blocks."""

from __future__ import annotations

import numpy as np
import torch


def random_split_order(n: int, seed: int) -> np.ndarray:
    """Indices 0..n-1 in the order in which torch's random_split deals them out."""
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed)).numpy()


def luma(images: np.ndarray) -> np.ndarray:
    """ITU-R 601-2 luma (N, H, W) uint8 of RGB (N, H, W, 3) uint8, rounded as PIL's "L" does."""
    weights = np.array([19595, 38470, 7471], dtype=np.uint32)  # .299 .587 .114 in units of 2^-16
    return ((images.astype(np.uint32) @ weights + 0x8000) >> 16).astype(np.uint8)


def block_means(images: np.ndarray, k: int) -> np.ndarray:
    """Means over k x k blocks: (N, H, W, C) uint8 -> (N, H/k, W/k, C) float32, in 0..255."""
    n, height, width, channels = images.shape
    blocks = images.reshape(n, height // k, k, width // k, k, channels)
    return (blocks.sum(axis=(2, 4), dtype=np.uint32) / (k * k)).astype(np.float32)
